import subprocess
import sys

from whisper.tokenizer import LANGUAGES as OPENAI_S

from lab.core.languages import LANGUAGES


def test_languages_equal_those_of_openai_whisper_in_order() -> None:
    assert list(LANGUAGES.items()) == [(code, name.title()) for code, name in OPENAI_S.items()]


def test_languages_are_available_without_loading_torch() -> None:
    code = (
        "import sys, lab.core.languages; "
        "assert not {'torch', 'whisper', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
