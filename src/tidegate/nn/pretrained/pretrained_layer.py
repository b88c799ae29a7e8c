"""``save_pretrained``, ``from_pretrained`` and ``push_to_hub`` of layers, in the way of ``huggingface_hub``'s mixin."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self, cast, get_args

import torch
from torch import nn

from tidegate.cells import Cell
from tidegate.errors import ArgumentError, CellError, RunFolderError
from tidegate.hub.hub_reference import HubReference, parse_reference
from tidegate.hub.markdown_text import code_block, front_matter, plain
from tidegate.hub.pretrained_place import pretrained_folder
from tidegate.io.files import read_json, write_json
from tidegate.io.records import from_record, to_record
from tidegate.nn.pretrained.layer_record import Kind, LayerRecord, record_of

CONFIG, WEIGHTS = "config.json", "model.safetensors"
FORMAT, VERSION = "tidegate layer", 1
HEAD = {"format": FORMAT, "version": VERSION}


class PretrainedLayer(nn.Module):
    """A layer that can be saved in a folder or on the hub: ``config.json`` and ``model.safetensors``, no pickle."""

    def save_pretrained(
        self,
        save_directory: str | Path,
        *,
        repo_id: str | None = None,
        push_to_hub: bool = False,
        **push_to_hub_kwargs: Any,
    ) -> str | None:
        """Write the layer to a folder: its sizes, its cell's name and equations, its parameters.

        Args:
            save_directory: a folder, made if it does not exist. A layer that was saved there is replaced.
            repo_id: with ``push_to_hub``: "OWNER/NAME".
            push_to_hub: send it to the hub, too.
            **push_to_hub_kwargs: arguments of `push_to_hub`.

        Returns:
            The repository's address, if it was sent.

        Raises:
            ArgumentError: the layer is not as its constructor makes it: of a class of your own, with parametrizations
                or with other cells in some layers.
            RunFolderError: the folder holds a run, or the model of another program.
        """
        from tidegate.io.tensor_files import write_tensors  # which imports safetensors

        folder, record = Path(save_directory), self._record()
        if (folder / CONFIG).exists():
            read_json(folder / CONFIG, **HEAD)
        if push_to_hub and repo_id is None:
            raise ArgumentError("repo_id is not given: give OWNER/NAME, where to push to.")
        folder.mkdir(parents=True, exist_ok=True)
        write_tensors(folder / WEIGHTS, self.state_dict(), HEAD)
        write_json(folder / CONFIG, HEAD | to_record(record))
        return self.push_to_hub(cast(str, repo_id), **push_to_hub_kwargs) if push_to_hub else None

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
        cell: Cell | None = None,
        device: torch.device | str | None = None,
        backend: str | None = None,
    ) -> Self:
        """Make a layer from a folder or a repository of the hub. Nothing in it is run or unpickled.

        Args:
            pretrained_model_name_or_path: a folder, or "OWNER/NAME".
            revision: a branch, a tag or a commit of the repository.
            cache_dir: the hub's cache. Default: that of ``huggingface_hub``.
            force_download: fetch files that are in the cache again.
            local_files_only: use the cache only.
            token: the user's token. Default: the one that is stored.
            cell: a cell of your own that the layer was trained with; its equations are compared.
            device: of the parameters.
            backend: a backend by name. Default: the engine's choice.

        Returns:
            The layer, in evaluation mode.

        Raises:
            ArgumentError: the layer is of another class, or needs a cell of your own.
            RunFolderError: a file is missing, truncated, foreign or altered.
            HubError: the repository cannot be fetched.
        """
        folder = pretrained_folder(
            pretrained_model_name_or_path,
            (CONFIG, WEIGHTS),
            _read_record,
            revision=revision,
            cache_dir=cache_dir,
            force_download=force_download,
            local_files_only=local_files_only,
            token=token,
        )
        record = _read_record(folder / CONFIG)
        if record.kind not in {it.__name__ for it in cls.__mro__}:
            raise ArgumentError(
                f"{folder} holds a layer of {record.kind}, but is opened as {cls.__name__}: use "
                f"tidegate.nn.{record.kind}.from_pretrained."
            )
        arguments = record.arguments(cell, folder / CONFIG) | {"dtype": record.torch_dtype, "backend": backend}
        return _filled(cls, record, arguments, folder, device)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        license: str | None = None,
        commit_message: str = "Push a layer of Tidegate",
        private: bool | None = None,
        token: str | bool | None = None,
        branch: str | None = None,
    ) -> str:
        """Send the layer to a repository of the hub, with a model card that has its equations.

        Args:
            repo_id: "OWNER/NAME"; made if it does not exist.
            license: the hub's identifier of a licence, such as "apache-2.0".
            commit_message: of the commit.
            private: whether a new repository is private. Default: as its owner's settings say.
            token: the user's token. Default: the one that is stored.
            branch: made if it does not exist. Default: the main one.

        Returns:
            The repository's address.

        Raises:
            ArgumentError: there is no licence, or the layer cannot be saved: see `save_pretrained`.
            HubError: nobody is logged in, the hub forbids it, or it cannot be reached.
        """
        from tempfile import TemporaryDirectory

        from tidegate.hub.upload import checked_license, upload

        place = parse_reference(f"{repo_id}@{branch}" if branch else repo_id)
        chosen = checked_license(license)
        with TemporaryDirectory(prefix="tidegate-") as made:
            folder = Path(made)
            self.save_pretrained(folder)
            files: dict[str, Path | bytes] = {name: folder / name for name in (CONFIG, WEIGHTS)}
            files["README.md"] = _card(self, place, chosen).encode()
            return upload(place, files, message=commit_message, private=private, token=token).address

    def _record(self) -> LayerRecord:
        """Return what describes the layer, if it is all that its constructor made."""
        made_by = next(it for it in type(self).__mro__ if "__init__" in vars(it))
        kind = made_by.__name__
        if kind not in get_args(Kind) or not made_by.__module__.startswith("tidegate.nn."):
            raise ArgumentError(
                f"{type(self).__name__} has a constructor of its own, which cannot be called from a file: save "
                "state_dict(), and make the layer again."
            )
        if getattr(self, "layer_cells", None):
            raise ArgumentError("layer_cells is set, which a saved layer does not have: take the interventions away.")
        record = record_of(self, cast(Kind, kind))
        names = {*self.state_dict()}
        if names != {*_on_meta(type(self), record.arguments(self._own_cell(record), Path(CONFIG))).state_dict()}:
            raise ArgumentError(
                f"The layer has parameters that its constructor does not make ({', '.join(sorted(names)[:3])} ...): "
                "remove parametrizations and buffers of your own first."
            )
        return record

    def _own_cell(self, record: LayerRecord) -> Cell | None:
        from tidegate.nn.pretrained.layer_record import base_cell

        layer = cast(Any, self)
        return base_cell(layer.cell, projected=bool(layer.proj_size))[0] if record.kind == "Recurrent" else None


def _read_record(path: Path) -> LayerRecord:
    found = read_json(path, **HEAD)
    given = {name: value for name, value in found.items() if name not in HEAD}
    return from_record(LayerRecord, given, path, "layer")


def _on_meta(cls: type[Any], arguments: dict[str, Any]) -> Any:
    with torch.device("meta"):
        return cls(**arguments)


def _filled(cls: type[Any], record: LayerRecord, arguments: dict[str, Any], folder: Path, device: Any) -> Any:
    """Make the layer, once its sizes are known to be those of the file of parameters, and fill it."""
    from tidegate.io.tensor_files import check_layout, layout_of, read_header, read_tensors

    path = folder / WEIGHTS
    header, layout = read_header(path, FORMAT, VERSION)
    if record.layers > len(layout):
        raise RunFolderError(f"{path} holds {len(layout)} tensors, but {CONFIG} says {record.layers} layers.")
    try:
        expected = layout_of(_on_meta(cls, arguments).state_dict())
    except (RuntimeError, OverflowError, ValueError, CellError) as error:  # sizes that do not fit, or are too large
        raise RunFolderError(f"{folder / CONFIG} describes no layer: {str(error).splitlines()[0]}") from error
    check_layout(path, layout, expected)
    tensors = read_tensors(path, header, layout, expected)
    made = _on_meta(cls, arguments).to_empty(device=device or "cpu")
    made.load_state_dict(tensors)
    return made.eval()


def _card(layer: Any, place: HubReference, license: str) -> str:
    kind = layer._record().kind
    tags = ["tidegate", "recurrent-neural-network", layer.cell.name]
    head = front_matter({"license": license, "library_name": "tidegate", "tags": tags})
    use = f'import tidegate\n\nlayer = tidegate.nn.{kind}.from_pretrained("{place.repository}"'
    use += f', revision="{place.revision}")' if place.revision else ")"
    return (
        f"{head}\n\n# {plain(place.repository.partition('/')[2])}\n\n"
        f"Recurrent layers of Tidegate: {plain(repr(layer))}\n\n## Equations\n\n$$\n{layer.cell.latex()}\n$$\n\n"
        f"## Use\n\n{code_block(use, 'python')}\n"
    )
