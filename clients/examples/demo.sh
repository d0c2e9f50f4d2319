#!/usr/bin/env bash
# make demo: a Telegram in a box, layerd, and a bot that answers, step by step. Needs no account, no
# network, no credentials; all of it lives in a folder that is gone afterwards. demo.sh BUILD_DIR
set -eu -o pipefail
exec 2>&1
build=$(cd "${1:-build/release}" && pwd)
home=$(mktemp -d)
sandbox=
layerd=
watch=
cleanup() {
	status=$?
	trap - EXIT
	for pid in $watch $layerd $sandbox; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	if [ "$status" != 0 ]; then
		tail -n 20 "$home"/*.log 2>/dev/null || true
		echo "The demo failed." >&2
	fi
	rm -rf "$home"
	exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() {
	if [ -t 1 ]; then
		printf '\n\033[1m%s\033[0m\n' "$*"
	else
		printf '\n%s\n' "$*"
	fi
}
show() { jq -c . | cut -c1-600; }
layerctl() {
	echo "\$ layerctl $*" | cut -c1-200 >&2
	"$build/layerctl" "$@"
}
# The sandbox's control socket: someone holds a phone.
control() {
	local request
	request=$(jq -nc --arg method "$1" --argjson params "$2" '{jsonrpc: "2.0", id: 1, method: $method, params: $params}')
	echo "> $request" >&2
	echo "$request" | socat -t10 - "UNIX-CONNECT:$home/control.sock" | jq -e '.result // error(.error.message)'
}
wait_for() { # SECONDS COMMAND…
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || { echo "gave up waiting: $*" >&2; return 1; }
		sleep 0.02
	done
}
export LAYERD_SOCKET=$home/layerd.sock

say "1. A Telegram in a box: layerd-sandbox, an offline data centre on loopback"
"$build/layerd-sandbox" --listen 127.0.0.1:0 --control "$home/control.sock" --write-key "$home/key.pem" \
	>"$home/ready.json" 2>"$home/sandbox.log" &
sandbox=$!
wait_for 10 grep -q '^{.*}$' "$home/ready.json"
show <"$home/ready.json"

say "2. In it, a person and a bot"
person=$(control create_user '{"phone": "+9996621111", "first_name": "Ada", "username": "ada_in_a_box"}')
show <<<"$person"
bot=$(control create_bot '{"username": "demo_bot", "first_name": "Demo"}')
show <<<"$bot"

say "3. layerd, pointed at the box instead of at Telegram"
mapfile -t dcs < <(jq -r '.dcs[] | "--dc", "\(.id)=\(.host):\(.port)"' "$home/ready.json")
"$build/layerd" --socket "$LAYERD_SOCKET" --state "$home/state" --api-id 1 --api-hash 00000000000000000000000000000000 \
	"${dcs[@]}" --rsa-key "$home/key.pem" 2>"$home/layerd.log" &
layerd=$!
answers() { "$build/layerctl" call ping >/dev/null 2>&1; }
wait_for 10 answers
layerctl call version | show

say "4. The bot logs in (key exchange, encrypted session, login)"
layerctl call bot_sign_in "token=$(jq -r .token <<<"$bot")" | show
layerctl call get_me | show

say "5. It subscribes to new messages"
layerctl -r watch types=new_message direction=in >"$home/updates.jsonl" 2>"$home/watch.log" &
watch=$!
wait_for 10 grep -q '"result"' "$home/updates.jsonl"
show <"$home/updates.jsonl"

say "6. Ada writes to the bot"
control send "$(jq -nc --argjson from "$(jq .user_id <<<"$person")" '{from: $from, to: "@demo_bot", text: "Are you there?"}')" | show

say "7. The update arrives on the socket"
wait_for 10 grep -q '"method":"update"' "$home/updates.jsonl"
update=$(grep -m 1 '"method":"update"' "$home/updates.jsonl")
show <<<"$update"

say "8. The bot answers"
layerctl call send_message "peer:=$(jq -c .params.message.chat <<<"$update")" \
	"text=Yes. You said: $(jq -r .params.message.text <<<"$update")" | show

say "9. What Ada has on her phone, says the sandbox"
seen=$(control messages "$(jq -nc --argjson bot "$(jq .user_id <<<"$bot")" --argjson ada "$(jq .user_id <<<"$person")" '{peer: $bot, as: $ada}')")
show <<<"$seen"
jq -e 'any(.. | strings; . == "Yes. You said: Are you there?")' <<<"$seen" >/dev/null

say "10. Any method of Telegram, with nothing but a shell"
echo "\$ echo '{\"id\":1,\"method\":\"help.getConfig\"}' | socat -t60 - UNIX-CONNECT:\$LAYERD_SOCKET | jq -c .result._"
echo '{"id":1,"method":"help.getConfig"}' | socat -t60 - "UNIX-CONNECT:$LAYERD_SOCKET" | jq -c .result._

say "The answer arrived."
