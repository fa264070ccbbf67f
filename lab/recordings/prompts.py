"""Sentences for a speaker to read aloud, from a text file with one sentence per line."""

from lab.core.errors import OptionsError
from lab.core.files import text_encoding

MAX_PROMPTS = 10_000
MAX_LENGTH = 300  # characters; about 30 s of speech, the longest clip for training


def read_prompts(data: bytes) -> list[str]:
    """Read the sentences of a text file in UTF-8 or UTF-16, skipping empty lines.

    Raises OptionsError that names the line.
    """
    try:
        text = data.decode(text_encoding(data))
    except UnicodeDecodeError as error:
        raise OptionsError("The file is not readable text. Save it as UTF-8.") from error
    lines = [line.strip() for line in text.splitlines()]
    prompts = list(filter(None, lines))
    if not prompts:
        raise OptionsError("The file has no sentences. Write one per line.")
    if len(prompts) > MAX_PROMPTS:
        raise OptionsError(
            f"The file has {len(prompts)} sentences; at most {MAX_PROMPTS} are allowed."
        )
    for number, line in enumerate(lines, start=1):
        is_text = line.isprintable()
        if len(line) > MAX_LENGTH or not is_text:
            problem = f"longer than {MAX_LENGTH} characters" if is_text else "not plain text"
            raise OptionsError(f"Line {number} is {problem}. Write one sentence per line.")
    return prompts
