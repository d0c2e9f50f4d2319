#!/usr/bin/env bash
# The same bot with socat and jq. Log a bot in first: layerctl login bot
set -eu
socket=${LAYERD_SOCKET:-/run/layerd/layerd.sock}
coproc layerd { exec socat - "UNIX-CONNECT:$socket"; }
exec {from}<&"${layerd[0]}" {to}>&"${layerd[1]}"

echo '{"id":0,"method":"subscribe","params":{"types":["new_message"],"direction":"in"}}' >&"$to"
jq --unbuffered -c '
	(select(.error) | stderr | empty),
	(select(.method == "update") | .params | select(.message.text) |
		{id: .seq, method: "send_message", params: {peer: .message.chat, text: .message.text}})
' <&"$from" >&"$to"
