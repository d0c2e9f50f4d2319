// gotd at the sandbox's door. See tests/interop/stage.py for the play.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/gotd/td/session"
	"github.com/gotd/td/telegram"
	"github.com/gotd/td/telegram/auth"
	"github.com/gotd/td/telegram/dcs"
	"github.com/gotd/td/telegram/downloader"
	"github.com/gotd/td/telegram/message"
	"github.com/gotd/td/telegram/uploader"
	"github.com/gotd/td/tg"
)

type stage struct {
	DC  int `json:"dc"`
	Dcs []struct {
		ID   int
		Host string
		Port int
	}
	Key, Phone, Code, Friend, Hello, Echo, Token, Bot, Question, Reply string
	UserID                                                             int64  `json:"user_id"`
	LayerdBot                                                          string `json:"layerd_bot"`
}

var play stage

func ok(step string) { fmt.Println("ok", step) }

type word struct{ from, text string }

type client struct {
	*telegram.Client
	heard chan word
}

func connect() (*client, error) {
	text, err := os.ReadFile(play.Key)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS1PublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	var list dcs.List
	for _, dc := range play.Dcs {
		list.Options = append(list.Options, tg.DCOption{ID: dc.ID, IPAddress: dc.Host, Port: dc.Port})
	}
	c := &client{heard: make(chan word, 100)}
	updates := tg.NewUpdateDispatcher()
	updates.OnNewMessage(func(_ context.Context, e tg.Entities, u *tg.UpdateNewMessage) error {
		if m, is := u.Message.(*tg.Message); is && !m.Out {
			if peer, is := m.PeerID.(*tg.PeerUser); is {
				name := ""
				if user := e.Users[peer.UserID]; user != nil {
					name = user.Username
				}
				c.heard <- word{name, m.Message}
			}
		}
		return nil
	})
	c.Client = telegram.NewClient(1, strings.Repeat("0", 32), telegram.Options{
		PublicKeys:     []telegram.PublicKey{{RSA: (*rsa.PublicKey)(key)}},
		DC:             play.DC,
		DCList:         list,
		SessionStorage: &session.StorageMemory{},
		UpdateHandler:  updates,
	})
	return c, nil
}

// expect waits for the next text of a peer. A short update names nobody: an empty name is taken for the peer.
func (c *client) expect(from, text string) error {
	limit := time.After(20 * time.Second)
	for {
		select {
		case w := <-c.heard:
			if w.from != from && w.from != "" {
				continue
			}
			if !strings.HasSuffix(w.text, text) {
				return fmt.Errorf("heard %q, not %q", w.text, text)
			}
			return nil
		case <-limit:
			return errors.New("nothing heard from " + from)
		}
	}
}

// drain forgets what was heard before.
func (c *client) drain() {
	for len(c.heard) > 0 {
		<-c.heard
	}
}

func (c *client) talk(ctx context.Context, peer, text string) error {
	c.drain()
	if _, err := message.NewSender(c.API()).Resolve(peer).Text(ctx, text); err != nil {
		return err
	}
	return c.expect(peer, text)
}

// documentOf finds the document in the updates that a send returned.
func documentOf(updates tg.UpdatesClass) (*tg.Document, error) {
	var all []tg.UpdateClass
	switch u := updates.(type) {
	case *tg.Updates:
		all = u.Updates
	case *tg.UpdatesCombined:
		all = u.Updates
	}
	for _, u := range all {
		n, is := u.(*tg.UpdateNewMessage)
		if !is {
			continue
		}
		m, is := n.Message.(*tg.Message)
		if !is {
			continue
		}
		if media, is := m.Media.(*tg.MessageMediaDocument); is {
			if d, is := media.Document.(*tg.Document); is {
				return d, nil
			}
		}
	}
	return nil, fmt.Errorf("no document in %T", updates)
}

func user(ctx context.Context, c *client) error {
	code := auth.CodeAuthenticatorFunc(func(context.Context, *tg.AuthSentCode) (string, error) { return play.Code, nil })
	flow := auth.NewFlow(auth.CodeOnly(play.Phone, code), auth.SendCodeOptions{})
	if err := c.Auth().IfNecessary(ctx, flow); err != nil {
		return err
	}
	me, err := c.Self(ctx)
	if err != nil {
		return err
	}
	if me.ID != play.UserID {
		return fmt.Errorf("logged in as %d", me.ID)
	}
	ok("user_login")
	sender := message.NewSender(c.API())
	if _, err := sender.Resolve(play.Friend).Text(ctx, play.Hello); err != nil {
		return err
	}
	ok("user_send")
	if err := c.talk(ctx, play.Echo, "one two"); err != nil {
		return err
	}
	ok("user_receive")
	data := make([]byte, 700_000)
	if _, err := rand.Read(data); err != nil {
		return err
	}
	file, err := uploader.NewUploader(c.API()).FromBytes(ctx, "big.bin", data)
	if err != nil {
		return err
	}
	updates, err := sender.Resolve(play.Friend).Media(ctx, message.UploadedDocument(file).Filename("big.bin").ForceFile(true))
	if err != nil {
		return err
	}
	ok("user_upload")
	document, err := documentOf(updates)
	if err != nil {
		return err
	}
	var got bytes.Buffer
	if _, err := downloader.NewDownloader().Download(c.API(), document.AsInputDocumentFileLocation()).Stream(ctx, &got); err != nil {
		return err
	}
	if !bytes.Equal(got.Bytes(), data) {
		return fmt.Errorf("%d bytes came back", got.Len())
	}
	ok("user_download")
	if err := c.talk(ctx, play.LayerdBot, "over layerd"); err != nil {
		return err
	}
	ok("user_talks_to_layerd")
	if _, err := c.API().AuthLogOut(ctx); err != nil {
		return err
	}
	ok("user_logout")
	return nil
}

func bot(ctx context.Context, c *client) error {
	if _, err := c.Auth().Bot(ctx, play.Token); err != nil {
		return err
	}
	me, err := c.Self(ctx)
	if err != nil {
		return err
	}
	if !me.Bot || me.Username != play.Bot {
		return fmt.Errorf("logged in as %s", me.Username)
	}
	ok("bot_login")
	fmt.Println("ready")
	if err := c.expect(play.Friend, play.Question); err != nil {
		return err
	}
	ok("bot_receive")
	if _, err := message.NewSender(c.API()).Resolve(play.Friend).Text(ctx, play.Reply); err != nil {
		return err
	}
	ok("bot_send")
	return nil
}

func act(name string, f func(context.Context, *client) error) {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	c, err := connect()
	if err == nil {
		err = c.Run(ctx, func(ctx context.Context) error { return f(ctx, c) })
	}
	if err != nil {
		fmt.Printf("FAILED %s: %v\n", name, err)
	}
}

func main() {
	fmt.Println("# gotd, layer", tg.Layer)
	if err := json.Unmarshal([]byte(os.Getenv("INTEROP")), &play); err != nil {
		panic(err)
	}
	act("user", user)
	act("bot", bot)
}
