"""Sentences for a speaker to read aloud, from a text file with one sentence per line."""

from lab.core.errors import OptionsError

MAX_PROMPTS = 10_000
MAX_LENGTH = 300  # characters; about 30 s of speech, the longest clip for training


def read_prompts(data: bytes) -> list[str]:
    """Read the sentences of a text file in UTF-8 or UTF-16, skipping empty lines.

    Raises OptionsError that names the line.
    """
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise OptionsError(
            "The file is not readable text. Save it as plain text in UTF-8."
        ) from error
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    prompts = [line for _, line in lines if line]
    if not prompts:
        raise OptionsError("The file has no sentences. Write one per line.")
    if len(prompts) > MAX_PROMPTS:
        raise OptionsError(
            f"The file has {len(prompts)} sentences; at most {MAX_PROMPTS} are allowed."
        )
    for number, line in lines:
        if len(line) > MAX_LENGTH or not line.isprintable():
            problem = (
                f"longer than {MAX_LENGTH} characters" if line.isprintable() else "not plain text"
            )
            raise OptionsError(f"Line {number} is {problem}. Write one sentence per line.")
    return prompts
