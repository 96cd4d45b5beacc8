"""``tallybook verify``, ``sign`` and ``keys``: the signed record, without a running service."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import platformdirs

from kernel_gateway.settings import SettingsInvalid, load_settings
from kernel_gateway.terminal.export_command import notebook_of, write_bundle_file

if TYPE_CHECKING:
    from notebooks.ledger.report import Review, VerifyReport
    from notebooks.ledger.signing import KeyRing, PublishedKey

REVIEWER_KEY = "reviewer.pem"
_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("notebook", type=_PATH)
@click.option(
    "--key", "key_files", type=_PATH, multiple=True,
    help="Public key of the service (PEM, or the JSON of /api/v1/keys), and of reviewers.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def verify(notebook: Path, key_files: tuple[Path, ...], as_json: bool) -> None:  # noqa: FBT001
    """Check that NOTEBOOK, and the files beside it, are as they were recorded and signed.

    NOTEBOOK may be a review bundle. Exits with 0 if all is as it was, else with 1.
    """
    from notebooks.errors import NotebookError
    from notebooks.ledger.report import report_to_json
    from notebooks.ledger.signing import public_keys
    from notebooks.ledger.verify import verify_notebook

    try:
        keys = {k: v for file in key_files for k, v in public_keys(file).items()}
        with notebook_of(notebook) as (file, wrong):
            report = verify_notebook(file, keys if key_files else None)
    except NotebookError as error:
        raise click.ClickException(str(error)) from None
    verified = report.verified and not wrong
    if as_json:
        facts = {**report_to_json(report), "bundle": wrong, "verified": verified}
        click.echo(json.dumps(facts, indent=1))
    else:
        for line in wrong:
            _say(f"bundle: {line}")
        print_report(report)
        click.echo(f"verified: {'yes' if verified else 'NO'}")
    if not verified:
        raise SystemExit(1)


def _say(line: str) -> None:
    """Print one line; names in it come from a file that anybody may have made."""
    click.echo("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line))


def print_report(report: VerifyReport) -> None:
    """Print what a verification found, without the verdict."""
    from notebooks.ledger.report import WHO

    for problem in report.problems:
        where = f"cell {problem.cell} ({problem.cell_id})" if problem.cell else "notebook"
        _say(f"{where}: {problem.what}")
        field = f"field: {problem.field}; " if problem.field else ""
        _say(f"  {field}possible for {WHO[problem.by]}")
    for note in report.notes:
        _say(f"note: {note}")
    for review in report.reviews:
        _print_review(review)
    for name, state in report.files.items():
        _say(f"file {name}: {state}")
    _say(f"cells: {report.cells}")
    _say(f"head: {report.head}")
    _say(f"signature: {signature_words(report)}")


def signature_words(report: VerifyReport) -> str:
    """Return in words whose signature a notebook has, and what that proves."""
    signature = report.signature
    if signature.key_id is None:
        return "none; anyone with the file could have changed it and computed its hashes again"
    if not signature.valid:
        return f"NOT valid for the key {signature.key_id}"
    if signature.trusted:
        return f"by the key {signature.key_id}, which you gave"
    return (
        f"by the key {signature.key_id}, which came with the file: anyone with the file could have "
        "signed it anew with a key of their own. Give the service's key with --key"
    )


def _print_review(review: Review) -> None:
    did = "signed off" if review.kind == "sign-off" else "note"
    if review.key_id is None:
        by = "signed by the service"
    else:
        known = "which you gave" if review.trusted else "which you did not give with --key"
        by = f"signed with the key {review.key_id}, {known}"
    said = f": {review.note!r}" if review.note else ""
    _say(f"cell {review.cell}: {did} by {review.name!r} at {review.at}{said} ({by})")


@click.command()
@click.argument("notebook", type=_PATH)
@click.option(
    "--as", "role", type=click.Choice(["reviewer"]), required=True, help="In which role you sign."
)
@click.option("--note", default="", help="What you want to say.")
@click.option("--note-only", is_flag=True, help="Add the note without signing off.")
@click.option("--name", help="Your name; by default that of your account on this machine.")
@click.option("--key-file", type=_PATH, help="Your private key; by default one of your own.")
def sign(
    notebook: Path,
    role: str,
    note: str,
    note_only: bool,  # noqa: FBT001 (click passes it by name)
    name: str | None,
    key_file: Path | None,
) -> None:
    """Sign NOTEBOOK off with a key of your own, which is made at its first use.

    The entry is added at the end; what was recorded stays as it is and still verifies.
    NOTEBOOK may be a review bundle: the signed one is written beside it, as NAME.signed.zip.
    """
    if note_only and not note.strip():
        raise click.UsageError("--note-only needs a --note.")
    from notebooks.errors import NotebookError
    from notebooks.ledger.review import NOTE, SIGN_OFF, sign_notebook
    from notebooks.ledger.signing import own_signer

    file = key_file or platformdirs.user_config_path("tallybook") / REVIEWER_KEY
    kind = NOTE if note_only else SIGN_OFF
    try:
        signer = own_signer(file)
        with notebook_of(notebook) as (opened, wrong):
            if wrong:
                raise click.ClickException(_not_signed(notebook, wrong))
            review = sign_notebook(
                opened, signer, kind=kind, name=name or getpass.getuser(), note=note
            )
            if opened != notebook:
                target = notebook.with_suffix(".signed.zip")
                write_bundle_file(opened, target, title=notebook.stem)
                click.echo(str(target))
        public = file.with_suffix(".pub.pem")
        public.write_text(signer.public_key)
    except NotebookError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename} can't be written: {error.strerror}") from None
    click.echo(f"cell {review.cell}: {review.kind} by {review.name!r} as {role} at {review.at}")
    click.echo(f"signed with the key {signer.key_id}; its public half is {public}")


def _not_signed(bundle: Path, wrong: Sequence[str]) -> str:
    lines = "".join(f"\n  {line}" for line in wrong[:20])
    return f"{bundle} was not signed: it is not as its manifest says.{lines}"


@click.group()
def keys() -> None:
    """The keys that sign notebooks."""


Command = Callable[..., Any]


def _with_directory(command: Command) -> Command:
    command = click.option("--data-dir", type=_PATH, help="Where the service keeps its data.")(
        command
    )
    return click.option("--config", type=_PATH, help="Configuration file (TOML).")(command)


def _ring(config: Path | None, data_dir: Path | None) -> KeyRing:
    from kernel_gateway.contexts.signing_keys import open_key_ring

    try:
        settings = load_settings(overrides={"data_dir": data_dir}, file=config)
        return open_key_ring(settings)
    except SettingsInvalid as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename} can't be used: {error.strerror}") from None


def _line(key: PublishedKey) -> str:
    state = f"retired {key.retired_at}" if key.retired_at else "in force"
    return f"{key.id}  ed25519  made {key.created_at}  {state}"


@keys.command("list")
@_with_directory
def keys_list(config: Path | None, data_dir: Path | None) -> None:
    """List the keys: id, age, which one is in force."""
    for key in _ring(config, data_dir).published():
        click.echo(_line(key))


@keys.command("rotate")
@_with_directory
def keys_rotate(config: Path | None, data_dir: Path | None) -> None:
    """Make a new signing key and delete the private half of the old one.

    A running service signs with it from its next cell on.
    """
    ring = _ring(config, data_dir)
    if not ring.rotates:
        raise click.ClickException(
            "The key comes from signing_key_command: rotate it there and restart the service."
        )
    try:
        click.echo(_line(ring.rotate()))
    except OSError as error:
        raise click.ClickException(f"{error.filename} can't be written: {error.strerror}") from None


@keys.command("export")
@click.option("-o", "--output", type=_PATH, help="File to write; by default standard output.")
@_with_directory
def keys_export(output: Path | None, config: Path | None, data_dir: Path | None) -> None:
    """Write the public keys (PEM), former ones too, for `tallybook verify --key`."""
    text = "".join(key.public_key for key in _ring(config, data_dir).published())
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text)
    except OSError as error:
        raise click.ClickException(f"{output} can't be written: {error.strerror}") from None
    click.echo(str(output))
