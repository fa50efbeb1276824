"""ministack as the embedded AWS, with the shims this project needs."""

from local.emulator.process import ACCESS_KEY, ACCOUNT, REGION, SECRET_KEY, Emulator

__all__ = ["ACCESS_KEY", "ACCOUNT", "REGION", "SECRET_KEY", "Emulator"]
