// A player and a text field for one clip, usable by keyboard alone. Text from people or files is
// only ever inserted as text, never parsed as HTML.
//
// data: version      changes when the field must be reset: another clip, or a new text for it
//       reply        changes when the server has handled an action
//       clip         ID of the clip; sent back with each action
//       audio        {wav_base64, lowest, highest, duration_s}; null if unavailable
//                    lowest, highest: extreme samples of each slice of the waveform, -1 to 1
//       text         initial text of the field
//       language     of the text, for the browser's keyboard
//       suggestions  alternative texts: {label, text, differences: [{kind, reference, hypothesis,
//                    characters}]}
//       actions      actions that are available now
// trigger: action    {action, clip, text}

const REPLY_TIMEOUT_MS = 15000
const SHORTCUTS = { ArrowUp: "back", ArrowDown: "skip", KeyX: "exclude", KeyZ: "undo" }
const SPEED = "lab-speed"
const DRAFT = "lab-draft"
const NO_AUDIO = { lowest: [], highest: [], duration_s: 0 }
const editors = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  const editor = editors.get(parentElement) || create(parentElement)
  editors.set(parentElement, editor)
  editor.send = (action) => setTriggerValue("action", action)
  update(editor, data)
  return () => {
    editor.listeners.abort()
    editor.audio.pause()
    if (editor.audio.src) URL.revokeObjectURL(editor.audio.src)
    editors.delete(parentElement)
  }
}

function create(parent) {
  const find = (selector) => parent.querySelector(selector)
  const listeners = new AbortController()
  const editor = {
    listeners,
    audio: new Audio(),
    wave: find(".wave"),
    time: find(".time"),
    text: find(".text"),
    speed: find(".speed"),
    suggestions: find(".suggestions"),
    note: find(".note"),
    buttons: [...parent.querySelectorAll("[data-action]")],
    data: null,
    replyTimer: 0,
  }
  const on = (target, event, handler) =>
    target.addEventListener(event, handler, { signal: listeners.signal })
  on(find(".play"), "click", () => play(editor))
  for (const button of editor.buttons) {
    on(button, "click", () => submit(editor, button.dataset.action))
  }
  on(editor.wave, "click", (event) => {
    const fraction = event.offsetX / editor.wave.clientWidth
    if (editor.audio.duration) play(editor, fraction * editor.audio.duration)
  })
  editor.speed.value = localStorage.getItem(SPEED) || "1"
  if (!editor.speed.value) editor.speed.value = "1"
  on(editor.speed, "change", () => {
    localStorage.setItem(SPEED, editor.speed.value)
    editor.audio.playbackRate = Number(editor.speed.value)
    editor.text.focus()
  })
  for (const event of ["timeupdate", "ended", "pause"]) on(editor.audio, event, () => draw(editor))
  on(editor.audio, "play", () => animate(editor))
  on(editor.audio, "error", () => notify(editor, "Your browser cannot play this clip."))
  on(window, "resize", () => draw(editor))
  on(editor.text, "keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return
    event.preventDefault()
    if (!event.repeat) submit(editor, "accept")
  })
  on(editor.text, "input", () => saveDraft(editor))
  on(document, "keydown", (event) => onKey(editor, parent, event))
  return editor
}

// Shortcuts work wherever the focus is, except in other fields of the page.
function onKey(editor, parent, event) {
  const isInside = event.composedPath().includes(parent)
  const isField = event.target.closest?.("input, textarea, select, [contenteditable=true]")
  if (!isInside && isField) return
  const isReplay =
    (event.code === "Space" && event.ctrlKey) || (event.code === "KeyP" && event.altKey)
  const action = event.altKey && !event.ctrlKey ? SHORTCUTS[event.code] : undefined
  const digit = event.altKey && event.code.match(/^Digit([1-9])$/)
  const suggestion = digit && editor.data.suggestions[digit[1] - 1]
  if (!isReplay && !action && !suggestion) return
  event.preventDefault()
  if (event.repeat) return
  if (isReplay) editor.audio.paused ? play(editor) : editor.audio.pause()
  else if (action) submit(editor, action)
  else useText(editor, suggestion.text)
}

function update(editor, data) {
  const previous = editor.data
  editor.data = data
  if (!previous || previous.reply !== data.reply) {
    clearTimeout(editor.replyTimer)
    editor.replyTimer = 0
    notify(editor, "")
  }
  for (const button of editor.buttons) {
    button.disabled = Boolean(editor.replyTimer) || !data.actions.includes(button.dataset.action)
  }
  editor.text.readOnly = Boolean(editor.replyTimer)
  showSuggestions(editor, data.suggestions)
  if (previous && previous.version === data.version) return
  editor.text.value = (!previous && draftOf(data)) || data.text
  saveDraft(editor)
  editor.text.lang = data.language
  editor.text.focus({ preventScroll: true })
  editor.text.setSelectionRange(editor.text.value.length, editor.text.value.length)
  if (!previous || previous.clip !== data.clip) load(editor, data.audio?.wav_base64)
}

// A draft survives a reload, and a moment in which the page could not be drawn.
function saveDraft(editor) {
  const { clip, text } = editor.data
  sessionStorage.setItem(DRAFT, JSON.stringify({ clip, initial: text, text: editor.text.value }))
}

function draftOf(data) {
  const draft = JSON.parse(sessionStorage.getItem(DRAFT) || "{}")
  return draft.clip === data.clip && draft.initial === data.text ? draft.text : ""
}

function load(editor, wav) {
  editor.audio.pause()
  if (editor.audio.src) URL.revokeObjectURL(editor.audio.src)
  editor.audio.removeAttribute("src")
  if (wav) {
    const bytes = Uint8Array.from(atob(wav), (character) => character.charCodeAt(0))
    editor.audio.src = URL.createObjectURL(new Blob([bytes], { type: "audio/wav" }))
    play(editor)
  }
  draw(editor)
}

function play(editor, from = 0) {
  if (!editor.audio.src) return
  editor.audio.currentTime = from
  editor.audio.playbackRate = Number(editor.speed.value)
  editor.audio.play().catch((error) => {
    // Browsers block autoplay until the person has interacted with the page.
    if (error.name === "NotAllowedError") {
      notify(editor, "Press Ctrl+Space or click Replay to play the clip.")
    }
  })
}

// The text stays in the field until the server confirms that it is saved.
function submit(editor, action) {
  if (editor.replyTimer || !editor.data.actions.includes(action)) return
  editor.text.readOnly = true
  for (const button of editor.buttons) button.disabled = true
  editor.replyTimer = setTimeout(() => {
    editor.replyTimer = 0
    update(editor, editor.data)
    notify(editor, "The server has not replied, so this may not be saved. Please try again.")
  }, REPLY_TIMEOUT_MS)
  editor.send({ action, clip: editor.data.clip, text: editor.text.value })
}

function useText(editor, text) {
  if (editor.replyTimer) return
  editor.text.focus()
  editor.text.select()
  // Inserted as if typed, so that Ctrl+Z undoes it.
  if (!document.execCommand("insertText", false, text)) editor.text.value = text
  saveDraft(editor)
}

function notify(editor, message) {
  editor.note.textContent = message
}

function showSuggestions(editor, suggestions) {
  editor.suggestions.replaceChildren(
    ...suggestions.map(({ label, text, differences }, index) => {
      const line = element("div", "", "suggestion")
      line.append(element("span", `${label}: `, "label"))
      for (const difference of differences) line.append(...highlighted(difference), " ")
      const button = element("button", "Use ")
      button.type = "button"
      button.append(element("kbd", `Alt ${index + 1}`))
      button.addEventListener("click", () => useText(editor, text))
      line.append(button)
      return line
    }),
  )
}

// One word of a suggestion, compared with the text of the clip.
function highlighted({ kind, reference, hypothesis, characters }) {
  if (kind === "equal") return [hypothesis]
  if (kind === "delete") return [element("del", reference)]
  const word = element("ins", characters.length ? "" : hypothesis)
  word.title = reference
  for (const { kind, hypothesis } of characters) {
    word.append(kind === "equal" ? hypothesis : element("mark", hypothesis))
  }
  return [word]
}

function element(tag, text, className = "") {
  const node = document.createElement(tag)
  node.textContent = text
  node.className = className
  return node
}

function animate(editor) {
  draw(editor)
  if (!editor.audio.paused) requestAnimationFrame(() => animate(editor))
}

function draw(editor) {
  const { wave, audio, data } = editor
  const scale = window.devicePixelRatio || 1
  const [width, height] = [wave.clientWidth, wave.clientHeight]
  wave.width = width * scale
  wave.height = height * scale
  const style = getComputedStyle(wave)
  const time = audio.src ? audio.currentTime : 0
  const played = audio.duration ? time / audio.duration : 0
  const { lowest, highest, duration_s } = data.audio || NO_AUDIO
  const peak = Math.max(0.02, ...highest, ...lowest.map((value) => -value))
  const context = wave.getContext("2d")
  context.scale(scale, scale)
  for (let slice = 0; slice < lowest.length; slice++) {
    const isPlayed = slice / lowest.length < played
    context.fillStyle = style.getPropertyValue(isPlayed ? "--st-primary-color" : "--st-text-color")
    context.globalAlpha = isPlayed ? 1 : 0.35
    const top = (height / 2) * (1 - highest[slice] / peak)
    const bottom = (height / 2) * (1 - lowest[slice] / peak)
    const step = width / lowest.length
    context.fillRect(slice * step, top, Math.max(step * 0.8, 0.5), Math.max(bottom - top, 1))
  }
  editor.time.textContent = `${time.toFixed(1)} / ${duration_s.toFixed(1)} s`
}
