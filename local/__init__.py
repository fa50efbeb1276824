"""The embedded AWS: the same deployment on one machine. Never imported by the app, never in its bundle."""
