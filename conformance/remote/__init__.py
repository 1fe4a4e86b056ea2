"""The engine's side of a worker: its process, the adapter that stands for it here, and its errors."""
