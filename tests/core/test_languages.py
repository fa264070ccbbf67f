import subprocess
import sys

from whisper.tokenizer import LANGUAGES as OPENAI_S

from lab.core.languages import LANGUAGES


def test_the_languages_are_openai_whisper_s_in_the_order_of_their_tokens() -> None:
    assert list(LANGUAGES.items()) == [(code, name.title()) for code, name in OPENAI_S.items()]


def test_the_languages_are_there_without_loading_torch() -> None:
    code = (
        "import sys, lab.core.languages; "
        "assert not {'torch', 'whisper', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
