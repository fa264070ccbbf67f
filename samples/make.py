"""Make the samples anew from Debian's packages: `python -m samples.make`.

The sentences below are what is heard. The packages' own texts have typing errors, and no accents
in Spanish, so they only say which prompts there are.
"""

import numpy as np

from lab.audio import SAMPLE_RATE, Samples, decode
from lab.core.workspace import atomic_write
from samples.writing import FOLDER, write_opus
from tests.support import speech

PAUSE_S = 0.6
BIT_RATE = 32_000  # bits a second: transparent for one voice at 16 kHz

# File stem → language, and for each prompt its sentences.
SCRIPTS: dict[str, tuple[str, dict[str, list[str]]]] = {
    "english": (
        "en",
        {
            "queue-periodic-announce": [
                "All of our representatives are currently busy.",
                "Please stay on the line and your call will be answered by the next available "
                "representative.",
            ],
            "queue-youarenext": [
                "Your call is now first in line and will be answered by the next available "
                "representative.",
            ],
            "followme/status": [
                "The person you are calling is not at their desk; I will try to locate them "
                "for you.",
            ],
            "followme/sorry": ["I'm sorry, but I was unable to locate the person you are calling."],
            "vm-nobodyavail": ["Nobody is available to take your call at the moment."],
            "vm-rec-name": ["After the tone, say your name and then press the pound key."],
        },
    ),
    "french": (
        "fr",
        {
            "priv-introsaved": [
                "Merci.",
                "Veuillez attendre pendant que je tente d'établir la connexion avec votre "
                "destinataire.",
            ],
            "tt-allbusy": [
                "Tous nos préposés sont présentement occupés.",
                "Votre appel est important pour nous, merci de bien vouloir patienter afin de "
                "conserver votre priorité d'appel.",
            ],
            "queue-youarenext": ["Votre appel sera le prochain à être traité."],
            "vm-nobodyavail": ["Personne n'est en mesure de prendre votre appel en ce moment."],
            "followme/sorry": [
                "Désolé, je n'ai pas réussi à localiser la personne que vous désirez joindre."
            ],
            "vm-mailboxfull": [
                "Désolé, mais cette boîte vocale ne peut recevoir de nouveaux messages."
            ],
        },
    ),
    "spanish": (
        "es",
        {
            "queue-periodic-announce": [
                "Todos nuestros representantes se encuentran ocupados, por favor espere y pronto "
                "le atenderemos.",
            ],
            "queue-youarenext": [
                "Su llamada es la primera en línea y será atendida por el próximo representante.",
            ],
            "vm-nobodyavail": ["En este momento nadie está libre para responder a su llamada."],
            "vm-mailboxfull": [
                "Lo siento, pero el buzón de esta persona no puede aceptar más mensajes."
            ],
        },
    ),
    "italian": (
        "it",
        {
            "tt-allbusy": [
                "Tutti gli operatori della ditta sono al momento impegnati con altri clienti.",
                "Rimanga in linea e la sua chiamata verrà risposta secondo l'ordine in cui è stata "
                "ricevuta.",
            ],
            "queue-youarenext": [
                "La sua chiamata è ora la prima in lista e verrà risposta appena si libera un "
                "operatore.",
            ],
            "followme/status": [
                "La persona chiamata non è al suo tavolo, cercherò di trovarla.",
            ],
            "followme/sorry": [
                "Sono spiacente, ma non mi è stato possibile trovare la persona chiamata."
            ],
            "vm-mailboxfull": [
                "Spiacente, ma la casella di posta dell'utente non può accettare ulteriori "
                "messaggi."
            ],
        },
    ),
    "russian": (
        "ru",
        {
            "tt-allbusy": [
                "В данный момент все операторы заняты.",
                "Пожалуйста, оставайтесь на линии, ваш вызов будет принят в порядке очереди.",
            ],
            "queue-youarenext": [
                "Ваш звонок является первым в очереди и будет обслужен первым доступным "
                "оператором.",
            ],
            "queue-thankyou": ["Благодарим за терпение."],
            "vm-nobodyavail": ["В данный момент никто не может принять ваш звонок."],
            "vm-intro": [
                "Оставьте сообщение после сигнала.",
                "После этого нажмите решётку или повесьте трубку.",
            ],
        },
    ),
}


def main() -> None:
    for stem, (language, sentences_of) in SCRIPTS.items():
        samples = _joined(language, list(sentences_of))
        sentences = [sentence for prompt in sentences_of.values() for sentence in prompt]
        with atomic_write(FOLDER / f"{stem}.ogg") as beside:
            write_opus(beside, samples, bit_rate=BIT_RATE)
        with atomic_write(FOLDER / f"{stem}.txt") as beside:
            beside.write_text("\n".join(sentences) + "\n", encoding="utf-8")
        print(f"{stem}.ogg: {len(samples) / SAMPLE_RATE:.1f} s")


def _joined(language: str, keys: list[str]) -> Samples:
    paths = {prompt.audio_path.as_posix(): prompt.audio_path for prompt in speech.prompts(language)}
    pause = np.zeros(round(PAUSE_S * SAMPLE_RATE), np.float32)
    pieces: list[Samples] = []
    for key in keys:
        (path,) = [path for name, path in paths.items() if name.endswith(f"/{key}.g722")]
        pieces += [decode(path).samples, pause]
    return np.concatenate(pieces[:-1])


if __name__ == "__main__":
    main()
