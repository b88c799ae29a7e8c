"""Models of tasks from run folders and repositories of the hub, and saved as such."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Self, cast

import torch
from torch import nn

from tidegate.errors import ArgumentError, RunFolderError
from tidegate.hub.pretrained_place import pretrained_reference
from tidegate.train.hub.hub_run import USED, fetch_run

METRICS = "metrics.jsonl"  # of the training, which does not end with a model that was changed since


class PretrainedModel(nn.Module):
    """A model of a task. What it needs besides its parameters, its settings and vocabulary, is in its run's folder.

    Attributes:
        run_folder: where the model was loaded from; None if it was made otherwise.
    """

    run_folder: Path | None = None

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        force_download: bool = False,
        local_files_only: bool = False,
        token: str | bool | None = None,
        device: torch.device | str = "cpu",
        backend: str | None = None,
    ) -> Self:
        """Load the model of a run, in a folder or on the hub. Nothing in it is run or unpickled.

        To have the vocabulary, too: `tidegate.train.load_run`.

        Args:
            pretrained_model_name_or_path: a run folder, or "OWNER/NAME".
            revision: a branch, a tag or a commit of the repository.
            cache_dir: the hub's cache. Default: that of ``huggingface_hub``.
            force_download: fetch files that are in the cache again.
            local_files_only: use the cache only.
            token: the user's token. Default: the one that is stored.
            device: of the parameters.
            backend: a backend by name. Default: the engine's choice.

        Returns:
            The model, in evaluation mode.

        Raises:
            ArgumentError: the run is one of another task.
            RunFolderError: a file is missing, truncated, foreign or altered.
            HubError: the repository cannot be fetched.
        """
        from tidegate.train.run_folder import open_run

        place, found = (
            Path(pretrained_model_name_or_path),
            pretrained_reference(pretrained_model_name_or_path, revision),
        )
        if found is not None:
            how: dict[str, Any] = {"cache_dir": cache_dir, "force_download": force_download, "token": token}
            place = fetch_run(found, **how, local_files_only=local_files_only)
        run = open_run(place, found, device=device, backend=backend)
        if not isinstance(run.model, cls):
            raise ArgumentError(
                f"{run.place} is a run of {run.config.task}, whose model is a {type(run.model).__name__} and no "
                f"{cls.__name__}: use {type(run.model).__name__}.from_pretrained."
            )
        return run.model

    def save_pretrained(self, save_directory: str | Path) -> None:
        """Write the model, as it is now, to a new run folder, with the settings and vocabulary of its run.

        The folder has what is needed to use the model and not what is needed to train on. It is sent to the hub with
        `tidegate.export.push` or ``tidegate push``.

        Args:
            save_directory: a new or empty folder.

        Raises:
            ArgumentError: the model was not loaded from a run, which has its vocabulary.
            RunFolderError: the folder holds something.
        """
        from tidegate.io.folder_lock import writing
        from tidegate.io.tensor_files import read_header
        from tidegate.train import run_folder

        origin, folder = self.run_folder, Path(save_directory)
        if origin is None:
            raise ArgumentError(
                "The model was not loaded from a run, which has its settings and vocabulary: train it with "
                "tidegate.train.train, or save state_dict()."
            )
        if folder.exists() and any(folder.iterdir()):
            raise RunFolderError(f"{folder} is not empty: choose another folder.")
        header, _ = read_header(origin / run_folder.MODEL, run_folder.MODEL_KIND, run_folder.MODEL_VERSION)
        tensors = {name: it.detach() for name, it in self.named_parameters()}
        with writing(folder):
            for name in USED[1:]:
                if (origin / name).is_file() and name not in (METRICS, run_folder.MODEL):
                    shutil.copyfile(origin / name, folder / name)
            # The loss on validation is not known of parameters that were changed since.
            validation = header.get("validation") if _same(tensors, origin / run_folder.MODEL) else None
            run_folder.write_model(folder, tensors, step=cast(int, header["step"]), validation=validation)
            shutil.copyfile(origin / USED[0], folder / USED[0])  # last: it makes the folder a run


def _same(tensors: dict[str, torch.Tensor], path: Path) -> bool:
    from safetensors.torch import load_file

    before = load_file(path)
    return before.keys() == tensors.keys() and all(torch.equal(it.cpu(), before[name]) for name, it in tensors.items())
