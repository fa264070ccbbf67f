"""Sentences for a speaker to read, from a text file with one sentence a line."""

from lab.core.errors import OptionsError

MAX_PROMPTS = 10_000
MAX_LENGTH = 300  # characters; about 30 s of speech, the longest clip that a model learns from


def read_prompts(data: bytes) -> list[str]:
    """The sentences in a text file, in UTF-8 or UTF-16, without empty lines.

    Raises OptionsError that names what is wrong, with the line.
    """
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise OptionsError(
            "The sentences are not readable text. Save the file as plain text in UTF-8."
        ) from error
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    prompts = [line for _, line in lines if line]
    if not prompts:
        raise OptionsError("The file holds no sentence; write one a line.")
    if len(prompts) > MAX_PROMPTS:
        raise OptionsError(f"The file holds {len(prompts)} sentences; at most {MAX_PROMPTS} fit.")
    for number, line in lines:
        if len(line) > MAX_LENGTH or not line.isprintable():
            reason = "too long to be read in one breath" if line.isprintable() else "no plain text"
            raise OptionsError(f"Line {number} is {reason}: write one sentence a line.")
    return prompts
