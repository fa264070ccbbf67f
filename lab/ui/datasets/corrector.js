// A clip to hear and its text to correct, by keyboard only if one likes. Nothing that a person or a
// file says becomes HTML: it is only ever put in as text.
//
// data: page     another one when the text has to be shown anew: another clip, or another text
//       turn     another one when an action was dealt with
//       clip     which clip it is; goes back with each action
//       sound    a WAV file in base64, or null where there is none
//       outline  lowest and highest of each piece of the wave, -1 to 1
//       seconds  length of the clip
//       text     what the person begins with
//       language of the text, for the browser's keyboard
//       offers   other texts: {label, text, pieces: [{kind, reference, hypothesis, characters}]}
//       can      which actions there are now
// sends: done    {action, clip, text}

const PATIENCE_MS = 15000
const KEYS = { ArrowUp: "back", ArrowDown: "skip", KeyX: "exclude", KeyZ: "undo" }
const SPEED = "lab-speed"
const DRAFT = "lab-draft"
const rooms = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  const isNew = !rooms.has(parentElement)
  const room = isNew ? open(parentElement) : rooms.get(parentElement)
  rooms.set(parentElement, room)
  room.send = (action) => setTriggerValue("done", action)
  show(room, data)
  return () => {
    room.closing.abort()
    room.sound.pause()
    if (room.sound.src) URL.revokeObjectURL(room.sound.src)
    rooms.delete(parentElement)
  }
}

function open(parent) {
  const find = (selector) => parent.querySelector(selector)
  const closing = new AbortController()
  const room = {
    closing,
    sound: new Audio(),
    wave: find(".wave"),
    time: find(".time"),
    text: find(".text"),
    speed: find(".speed"),
    offers: find(".offers"),
    note: find(".note"),
    buttons: [...parent.querySelectorAll("[data-kind]")],
    data: null,
    waiting: 0,
  }
  const on = (target, event, act) => target.addEventListener(event, act, { signal: closing.signal })
  on(find(".play"), "click", () => play(room))
  for (const button of room.buttons) on(button, "click", () => act(room, button.dataset.kind))
  on(room.wave, "click", (event) => {
    const share = event.offsetX / room.wave.clientWidth
    if (room.sound.duration) play(room, share * room.sound.duration)
  })
  room.speed.value = localStorage.getItem(SPEED) || "1"
  if (!room.speed.value) room.speed.value = "1"
  on(room.speed, "change", () => {
    localStorage.setItem(SPEED, room.speed.value)
    room.sound.playbackRate = Number(room.speed.value)
    room.text.focus()
  })
  for (const event of ["timeupdate", "ended", "pause"]) on(room.sound, event, () => draw(room))
  on(room.sound, "play", () => follow(room))
  on(room.sound, "error", () => say(room, "Your browser cannot play this clip."))
  on(window, "resize", () => draw(room))
  on(room.text, "keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return
    event.preventDefault()
    if (!event.repeat) act(room, "accept")
  })
  on(room.text, "input", () => keepDraft(room))
  on(document, "keydown", (event) => onKey(room, parent, event))
  return room
}

// Keys count wherever the focus is, except in other fields of the page.
function onKey(room, parent, event) {
  const inside = event.composedPath().includes(parent)
  const isField = event.target.closest?.("input, textarea, select, [contenteditable=true]")
  if (!inside && isField) return
  const isReplay =
    (event.code === "Space" && event.ctrlKey) || (event.code === "KeyP" && event.altKey)
  const kind = event.altKey && !event.ctrlKey ? KEYS[event.code] : undefined
  const place = event.altKey && event.code.match(/^Digit([1-9])$/)
  const offer = place && room.data.offers[place[1] - 1]
  if (!isReplay && !kind && !offer) return
  event.preventDefault()
  if (event.repeat) return
  if (isReplay) room.sound.paused ? play(room) : room.sound.pause()
  else if (kind) act(room, kind)
  else use(room, offer.text)
}

function show(room, data) {
  const before = room.data
  room.data = data
  if (!before || before.turn !== data.turn) {
    clearTimeout(room.waiting)
    room.waiting = 0
    say(room, "")
  }
  for (const button of room.buttons) {
    button.disabled = Boolean(room.waiting) || !data.can.includes(button.dataset.kind)
  }
  room.text.readOnly = Boolean(room.waiting)
  showOffers(room, data.offers)
  if (before && before.page === data.page) return
  room.text.value = (!before && draftOf(data)) || data.text
  keepDraft(room)
  room.text.lang = data.language
  room.text.focus({ preventScroll: true })
  room.text.setSelectionRange(room.text.value.length, room.text.value.length)
  if (!before || before.clip !== data.clip) load(room, data.sound)
}

// What is typed outlives a reload, and a moment in which the page could not be drawn.
function keepDraft(room) {
  const { clip, text } = room.data
  sessionStorage.setItem(DRAFT, JSON.stringify({ clip, begun: text, text: room.text.value }))
}

function draftOf(data) {
  const draft = JSON.parse(sessionStorage.getItem(DRAFT) || "{}")
  return draft.clip === data.clip && draft.begun === data.text ? draft.text : ""
}

function load(room, sound) {
  room.sound.pause()
  if (room.sound.src) URL.revokeObjectURL(room.sound.src)
  room.sound.removeAttribute("src")
  if (sound) {
    const bytes = Uint8Array.from(atob(sound), (letter) => letter.charCodeAt(0))
    room.sound.src = URL.createObjectURL(new Blob([bytes], { type: "audio/wav" }))
    play(room)
  }
  draw(room)
}

function play(room, from = 0) {
  if (!room.sound.src) return
  room.sound.currentTime = from
  room.sound.playbackRate = Number(room.speed.value)
  room.sound.play().catch((error) => {
    // Browsers let no page make a sound before somebody has touched it.
    if (error.name === "NotAllowedError") say(room, "Press Ctrl+Space, or Play again, to hear it.")
  })
}

// The text stays in the field until the server says that it is on the disk.
function act(room, kind) {
  if (room.waiting || !room.data.can.includes(kind)) return
  room.text.readOnly = true
  for (const button of room.buttons) button.disabled = true
  room.waiting = setTimeout(() => {
    room.waiting = 0
    show(room, room.data)
    say(room, "There is no answer yet, so this may not be saved. Your text is still here: try again.")
  }, PATIENCE_MS)
  room.send({ action: kind, clip: room.data.clip, text: room.text.value })
}

function use(room, text) {
  if (room.waiting) return
  room.text.focus()
  room.text.select()
  // As if it were typed, so that Ctrl+Z takes it back.
  if (!document.execCommand("insertText", false, text)) room.text.value = text
  keepDraft(room)
}

function say(room, sentence) {
  room.note.textContent = sentence
}

function showOffers(room, offers) {
  room.offers.replaceChildren(
    ...offers.map((offer, place) => {
      const line = element("div", "", "offer")
      line.append(element("span", `${offer.label}: `, "by"))
      for (const piece of offer.pieces) line.append(...marked(piece), " ")
      const button = element("button", "Use ")
      button.type = "button"
      button.append(element("kbd", `Alt ${place + 1}`))
      button.addEventListener("click", () => use(room, offer.text))
      line.append(button)
      return line
    }),
  )
}

// A word of another text beside that of the clip.
function marked({ kind, reference, hypothesis, characters }) {
  if (kind === "equal") return [hypothesis]
  if (kind === "delete") return [element("del", reference)]
  const word = element("ins", characters.length ? "" : hypothesis)
  word.title = reference
  for (const one of characters) {
    word.append(one.kind === "equal" ? one.hypothesis : element("mark", one.hypothesis))
  }
  return [word]
}

function element(name, text, className = "") {
  const made = document.createElement(name)
  made.textContent = text
  made.className = className
  return made
}

function follow(room) {
  draw(room)
  if (!room.sound.paused) requestAnimationFrame(() => follow(room))
}

function draw(room) {
  const { wave, sound, data } = room
  const scale = window.devicePixelRatio || 1
  const [width, height] = [wave.clientWidth, wave.clientHeight]
  wave.width = width * scale
  wave.height = height * scale
  const style = getComputedStyle(wave)
  const at = sound.src ? sound.currentTime : 0
  const played = sound.duration ? at / sound.duration : 0
  const { lowest, highest } = data.outline
  const loudest = Math.max(0.02, ...highest, ...lowest.map((value) => -value))
  const pen = wave.getContext("2d")
  pen.scale(scale, scale)
  for (let place = 0; place < lowest.length; place++) {
    const isPlayed = place / lowest.length < played
    pen.fillStyle = style.getPropertyValue(isPlayed ? "--st-primary-color" : "--st-text-color")
    pen.globalAlpha = isPlayed ? 1 : 0.35
    const top = (height / 2) * (1 - highest[place] / loudest)
    const bottom = (height / 2) * (1 - lowest[place] / loudest)
    const step = width / lowest.length
    pen.fillRect(place * step, top, Math.max(step * 0.8, 0.5), Math.max(bottom - top, 1))
  }
  room.time.textContent = `${at.toFixed(1)} of ${data.seconds.toFixed(1)} s`
}
