// mtcute at the sandbox's door. See tests/interop/stage.py for the play. Runs from the folder where
// npm put @mtcute/node.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { InputMedia, MemoryStorage, TelegramClient } from '@mtcute/node'
import { addPublicKey, NodeCryptoProvider } from '@mtcute/node/utils.js'

const play = JSON.parse(process.env.INTEROP)
const ok = (step) => console.log('ok', step)

const crypto = new NodeCryptoProvider()
await crypto.initialize()
addPublicKey(crypto, readFileSync(play.key, 'utf8'))
const version = JSON.parse(readFileSync(new URL('./node_modules/@mtcute/node/package.json', import.meta.url))).version
console.log('# mtcute', version)

function connect() {
  const dc = { ipAddress: play.host, port: play.port, id: play.dc }
  return new TelegramClient({
    apiId: 1,
    apiHash: '0'.repeat(32),
    storage: new MemoryStorage(),
    defaultDcs: { main: dc, media: { ...dc, mediaOnly: true } },
    logLevel: Number(process.env.INTEROP_VERBOSE ? 5 : 2),
  })
}

// The next text that the peer writes, as it comes in by updates.
function heard(client, peer, text) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`nothing heard from ${peer}`)), 20_000)
    const listen = (message) => {
      if (message.isOutgoing || message.sender.username !== peer) return
      clearTimeout(timer)
      client.onNewMessage.remove(listen)
      if (message.text.endsWith(text)) resolve(message)
      else reject(new Error(`heard ${message.text}, not ${text}`))
    }
    client.onNewMessage.add(listen)
  })
}

async function talk(client, peer, text) {
  const answer = heard(client, peer, text)
  await client.sendText(peer, text)
  await answer
}

async function user() {
  const client = connect()
  const password = () => {
    ok('user_password')
    return play.password
  }
  const me = await client.start({ phone: play.phone, code: play.code, password })
  if (me.id !== play.user_id) throw new Error(`logged in as ${me.id}`)
  ok('user_login')
  await client.sendText(play.friend, play.hello)
  ok('user_send')
  await talk(client, play.echo, 'one two')
  ok('user_receive')
  const data = randomBytes(700_000)
  const sent = await client.sendMedia(play.friend, InputMedia.document(data, { fileName: 'big.bin' }))
  ok('user_upload')
  const got = await client.downloadAsBuffer(sent.media)
  if (!data.equals(Buffer.from(got))) throw new Error(`${got.length} bytes came back`)
  ok('user_download')
  await talk(client, play.layerd_bot, 'over layerd')
  ok('user_talks_to_layerd')
  const greeting = heard(client, play.layerd_user, play.greeting)
  console.log('listening')
  await greeting
  ok('user_hears_layerds_user')
  await client.logOut()
  ok('user_logout')
  await client.destroy()
}

async function bot() {
  const client = connect()
  const me = await client.start({ botToken: play.token })
  if (!me.isBot || me.username !== play.bot) throw new Error(`logged in as ${me.username}`)
  ok('bot_login')
  const question = heard(client, play.friend, play.question)
  // what comes before its loop over updates runs is lost on mtcute
  await new Promise((resolve) => setTimeout(resolve, 500))
  console.log('ready')
  await question
  ok('bot_receive')
  await client.sendText(play.friend, play.reply)
  ok('bot_send')
  console.log('session', await client.exportSession())
  await client.destroy()
}

for (const act of [user, bot]) {
  const limit = new Promise((_, reject) => setTimeout(() => reject(new Error('too slow')), 90_000).unref())
  try {
    await Promise.race([act(), limit])
  } catch (e) {
    console.log(`FAILED ${act.name}:`, e)
  }
}
process.exit(0)
