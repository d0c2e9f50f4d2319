#!/bin/sh
# A bot that says what it is told, each message once, whatever dies in between: an update counts as done
# when the command exits with 0 (or with 1: Telegram will not have it), and its number makes the answer's
# key. Log a bot in first: layerctl login bot
exec layerctl watch --consumer echo types=new_message direction=in --exec '
	[ -z "$LAYERD_TEXT" ] || layerctl call send_message account="$LAYERD_ACCOUNT" peer="$LAYERD_CHAT" \
		text="$LAYERD_TEXT" idempotency_key="echo-$LAYERD_SEQ" || [ $? = 1 ]'
