"""ministack as the embedded AWS, with the shims this project needs."""

from local.emulator.process import ACCESS_KEY, ACCOUNT, REGION, SAVE_SECONDS, SECRET_KEY, Emulator

__all__ = ["ACCESS_KEY", "ACCOUNT", "REGION", "SAVE_SECONDS", "SECRET_KEY", "Emulator"]
