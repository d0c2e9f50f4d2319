// GramJS at the sandbox's door. See tests/interop/stage.py for the play. Runs from the folder where npm
// put telegram.
const { createHash, createPublicKey, randomBytes } = require('node:crypto')
const { readFileSync } = require('node:fs')
const { TelegramClient } = require('telegram')
const { StringSession } = require('telegram/sessions')
const { NewMessage } = require('telegram/events')
const { ConnectionTCPFull } = require('telegram/network')
const { CustomFile } = require('telegram/client/uploads')
const { _serverKeys } = require('telegram/crypto/RSA')
const { LAYER } = require('telegram/tl/AllTLObjects')
const bigInt = require('big-integer')

const play = JSON.parse(process.env.INTEROP)
const ok = (step) => console.log('ok', step)
const credentials = { apiId: 1, apiHash: '0'.repeat(32) }
console.log('# GramJS', require('telegram/package.json').version, 'layer', LAYER)

// The fingerprint: the last 8 bytes of the SHA-1 of n and e as TL strings, as a signed number.
function addKey(pem) {
  const jwk = createPublicKey({ key: pem, format: 'pem', type: 'pkcs1' }).export({ format: 'jwk' })
  const n = Buffer.from(jwk.n, 'base64url')
  const e = Buffer.from(jwk.e, 'base64url')
  const text = (b) => {
    const head = b.length < 254 ? Buffer.from([b.length]) : Buffer.from([254, b.length & 255, b.length >> 8, 0])
    const whole = Buffer.concat([head, b])
    return Buffer.concat([whole, Buffer.alloc((4 - (whole.length % 4)) % 4)])
  }
  const hash = createHash('sha1').update(text(n)).update(text(e)).digest()
  _serverKeys.set(hash.readBigInt64LE(12).toString(), { n: bigInt(n.toString('hex'), 16), e: e.readUIntBE(0, e.length) })
}
addKey(readFileSync(play.key, 'utf8'))

// GramJS goes to port 80 whatever the session says.
class Connection extends ConnectionTCPFull {
  constructor(options) {
    super({ ...options, port: play.dcs.find((dc) => dc.id === options.dcId).port })
  }
}

async function connect() {
  const session = new StringSession('')
  session.setDC(play.dc, play.host, 443) // it keeps no port above 32767
  const client = new TelegramClient(session, credentials.apiId, credentials.apiHash,
    { connection: Connection, connectionRetries: 2, useWSS: false })
  client.setLogLevel(process.env.INTEROP_VERBOSE ? 'debug' : 'error')
  await client.connect()
  return client
}

// The next text that the peer writes, as it comes in by updates.
function heard(client, peer, text) {
  return new Promise((resolve, reject) => {
    const event = new NewMessage({ incoming: true })
    const timer = setTimeout(() => reject(new Error(`nothing heard from ${peer}`)), 20_000)
    const listen = async ({ message }) => {
      const sender = await message.getSender()
      if (sender?.username !== peer) return
      clearTimeout(timer)
      client.removeEventHandler(listen, event)
      if (message.message.endsWith(text)) resolve(message)
      else reject(new Error(`heard ${message.message}, not ${text}`))
    }
    client.addEventHandler(listen, event)
  })
}

async function talk(client, peer, text) {
  const answer = heard(client, peer, text)
  await client.sendMessage(peer, { message: text })
  await answer
}

async function user() {
  const client = await connect()
  const me = await client.signInUser(credentials, {
    phoneNumber: play.phone,
    phoneCode: async () => play.code,
    password: async () => {
      ok('user_password')
      return play.password
    },
    onError: (e) => { throw e },
  })
  if (Number(me.id) !== play.user_id) throw new Error(`logged in as ${me.id}`)
  if (Number((await client.getMe()).id) !== play.user_id) throw new Error('getMe is somebody else')
  ok('user_login')
  await client.sendMessage(play.friend, { message: play.hello })
  ok('user_send')
  await talk(client, play.echo, 'one two')
  ok('user_receive')
  const data = randomBytes(700_000)
  const sent = await client.sendFile(play.friend, { file: new CustomFile('big.bin', data.length, '', data), forceDocument: true })
  ok('user_upload')
  const got = await client.downloadMedia(sent)
  if (!data.equals(got)) throw new Error(`${got.length} bytes came back`)
  ok('user_download')
  await talk(client, play.layerd_bot, 'over layerd')
  ok('user_talks_to_layerd')
  const greeting = heard(client, play.layerd_user, play.greeting)
  console.log('listening')
  await greeting
  ok('user_hears_layerds_user')
  await client.invoke(new (require('telegram').Api.auth.LogOut)())
  ok('user_logout')
  await client.destroy()
}

async function bot() {
  const client = await connect()
  const me = await client.signInBot(credentials, { botAuthToken: play.token })
  if (!me.bot || me.username !== play.bot) throw new Error(`logged in as ${me.username}`)
  ok('bot_login')
  const question = heard(client, play.friend, play.question)
  console.log('ready')
  await question
  ok('bot_receive')
  await client.sendMessage(play.friend, { message: play.reply })
  ok('bot_send')
  console.log('session', require('telegram/sessions').StringSession.prototype.save.call(client.session))
  await client.destroy()
}

async function main() {
  for (const act of [user, bot]) {
    const limit = new Promise((_, reject) => setTimeout(() => reject(new Error('too slow')), 90_000).unref())
    try {
      await Promise.race([act(), limit])
    } catch (e) {
      console.log(`FAILED ${act.name}:`, e)
    }
  }
  process.exit(0)
}
main()
