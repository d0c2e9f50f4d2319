// mtcute's own code on the packets of message_bench: AuthKey seals and opens, its reader reads, JSON.stringify
// writes. Runs from the folder where npm put @mtcute/node. Microseconds of CPU as JSON.
import { readFileSync } from 'node:fs'
import { NodeCryptoProvider } from '@mtcute/node/utils.js'

const inside = (path) => import(new URL(`./node_modules/@mtcute/core/${path}`, import.meta.url))
const { AuthKey } = await inside('network/auth-key.js')
const { __tlReaderMap } = await inside('tl/binary/reader.js')
const { TlBinaryReader } = await import(new URL('./node_modules/@mtcute/tl-runtime/index.js', import.meta.url))
const { default: Long } = await import('long')

const packets = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const raw = Object.fromEntries(Object.entries(packets).map(([k, v]) => [k, new Uint8Array(Buffer.from(v, 'hex'))]))
const session = Long.fromString(packets.session)
const crypto = new NodeCryptoProvider()
await crypto.initialize()
const quiet = { verbose() {}, warn(...what) { throw new Error(what.join(' ')) } }
const key = new AuthKey(crypto, quiet, __tlReaderMap)
key.setup(raw.key)

function perCall(once, least = 100_000) {
  const warm = process.cpuUsage()
  while (process.cpuUsage(warm).user < least) once()
  const start = process.cpuUsage()
  let calls = 0
  let used
  do {
    for (let i = 0; i < 5; i++) once()
    calls += 5
    used = process.cpuUsage(start)
  } while (used.user + used.system < least)
  return (used.user + used.system) / calls
}

const open = (name, then) => {
  let heard = 0
  key.decryptMessage(raw[name], session, (id, seqno, reader) => { heard++; then(reader) })
  if (!heard) throw new Error(`${name} was not opened`)
}
console.log(JSON.stringify({
  'open small': perCall(() => open('update_packet', () => {})),
  'seal small': perCall(() => key.encryptMessage(raw.update, Long.ONE, session)),
  'open big': perCall(() => open('file_packet', () => {})),
  'seal big': perCall(() => key.encryptMessage(raw.file, Long.ONE, session)),
  update: perCall(() => open('update_packet', (reader) => JSON.stringify(reader.object()))),
  page: perCall(() => JSON.stringify(new TlBinaryReader(__tlReaderMap, raw.page).object())),
}))
