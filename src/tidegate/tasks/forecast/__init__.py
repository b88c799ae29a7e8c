"""How a series goes on."""

from tidegate.tasks.forecast.data_frames import predict_frame, train_frame

__all__ = ["predict_frame", "train_frame"]
