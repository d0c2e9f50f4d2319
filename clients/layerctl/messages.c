/* What layerctl says to a person: errors on stderr and the page of help. Keeps nothing. */
#include "clients/layerctl/layerctl.h"

#include <stdarg.h>

static const char help_text[] =
	"usage: layerctl [flags] COMMAND [arguments]\n"
	"\n"
	"  call METHOD [PARAMETERS]     call any method, ours (send_message) or Telegram's\n"
	"                               (messages.sendMessage), and print its result\n"
	"  send PEER TEXT [PARAMETERS]  send a message; TEXT - is read from stdin\n"
	"  watch [FILTERS]              print updates, one JSON object a line, until stopped;\n"
	"                               types=new_message,callback_query peers=@user direction=in\n"
	"                               --consumer NAME: go on where it was left, over restarts of "
	"the\n"
	"                               daemon; what was printed, or what --exec did, is acked\n"
	"                               --exec CMD: run by the shell for each update, which it "
	"gets on\n"
	"                               stdin as JSON, and as LAYERD_SEQ, _ACCOUNT, _TYPE, _CHAT, "
	"_SENDER,\n"
	"                               _MESSAGE, _TEXT, _QUERY, _DATA; again until it exits with "
	"0\n"
	"  consumers                    who reads under a name, and how far behind; remove NAME,\n"
	"                               seek NAME now|oldest|SEQ\n"
	"  wait [ready|online|idle]     wait for the daemon, also while it is not there yet\n"
	"  login [ACCOUNT] bot|phone|qr log in; asks for what is needed, or reads it from stdin\n"
	"  login [ACCOUNT]              go on with a login that waits, also after a restart\n"
	"  logout [ACCOUNT]             log out; the keys are destroyed\n"
	"  accounts                     list the accounts\n"
	"  status                       what the daemon is doing\n"
	"  help [METHOD]                this page, or what the daemon knows of a method or a type\n"
	"\n"
	"PARAMETERS\n"
	"  k=text   k:=JSON   k:@FILE (the text of a file, - is stdin)   '{\"k\":…}' (an object)\n"
	"\n"
	"FLAGS\n"
	"  -s, --socket PATH     the daemon's socket; else $LAYERD_SOCKET, else\n"
	"                        $XDG_RUNTIME_DIR/layerd/layerd.sock, else "
	"/run/layerd/layerd.sock\n"
	"  -a, --account NAME    which account\n"
	"  -t, --timeout SECONDS give up after this time\n"
	"  -n, --count N         watch: end after N updates\n"
	"  -c, --consumer NAME   watch: under this name\n"
	"  -x, --exec CMD        watch: for each update\n"
	"  -T, --tries N         watch: skip an update after CMD has failed N times, saying so\n"
	"  -r, --raw             print JSON-RPC lines as they come, errors too\n"
	"  -h, --help   -V, --version   -- (no flags follow)\n"
	"\n"
	"FLAGS OF login\n"
	"  --no-input            never ask: exit 10 when something is missing\n"
	"  --token-file FILE  --password-file FILE   --code-fd N (a line for each code)\n"
	"  --phone NUMBER  --email ADDRESS  --first-name NAME  --last-name NAME\n"
	"  --accept-terms        of service, when a new account is made\n"
	"\n"
	"EXIT\n"
	"  0 ok   1 Telegram refused   2 usage   3 daemon unreachable   4 login needed\n"
	"  5 rate limited   6 not found   7 not permitted   8 timeout or outcome unknown\n"
	"  9 partly done   10 input needed   11 internal\n";

void ctl_usage(FILE *to)
{
	fputs(help_text, to);
}

int ctl_fail(enum ctl_exit code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("layerctl: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	return (int)code;
}
