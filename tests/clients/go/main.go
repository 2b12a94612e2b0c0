// Elastic's client for Salesforce's streaming, against this server: what it is told new, all, and after a number.
//
//	go run . http://127.0.0.1:9788
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/elastic/bayeux"
)

// No client waits longer for what is to come.
const patience = 30 * time.Second

// Nobody has said anything on it before.
var channel = fmt.Sprintf("/hist/elastic-%d", time.Now().UnixMilli())

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: go run . URL, of the server and not of its /cometd")
	}
	url := os.Args[1]
	publisher := newPublisher(url + "/cometd")

	// Its own path is /cometd/38.0, so its sessions are at home in another tree than the channel.
	listening := listen(url, "-1")
	publisher.publish(1, 2, 3)
	first := listening.hears(1, 2, 3)
	listen(url, "-2").hears(1, 2, 3)
	listen(url, strconv.Itoa(first)).hears(2, 3)
	fmt.Println("elastic/bayeux: new events, all events, and those after a number")
}

type listener struct {
	heard  chan bayeux.MaybeMsg
	cancel context.CancelFunc
}

// listen subscribes from a number on, as a client of its own, which Salesforce would have given these credentials.
func listen(url, from string) listener {
	ctx, cancel := context.WithCancel(context.Background())
	client, credentials := &bayeux.Bayeux{}, bayeux.Credentials{AccessToken: "none", InstanceURL: url}
	return listener{client.Channel(ctx, make(chan bayeux.MaybeMsg, 100), from, credentials, channel), cancel}
}

// hears waits for exactly these data, and returns the number of the first. The client passes messages on in goroutines
// of their own, so in any order: their numbers tell the order.
func (l listener) hears(expected ...int) int {
	defer l.cancel()
	events := map[int]int{}
	var numbers []int
	deadline := time.After(patience)
	for len(events) < len(expected) {
		select {
		case message := <-l.heard:
			if message.Failed() {
				log.Fatal(message.Err)
			}
			if message.Msg.Channel != channel {
				continue // the reply to a connect
			}
			var data int
			if err := json.Unmarshal(message.Msg.Data.Payload, &data); err != nil {
				log.Fatalf("%+v: %v", message.Msg, err)
			}
			event := message.Msg.Data.Event
			if event.CreatedDate.IsZero() {
				log.Fatalf("an event without its time: %+v", message.Msg)
			}
			events[event.ReplayID] = data
			numbers = append(numbers, event.ReplayID)
		case <-deadline:
			log.Fatalf("heard %v of %v", events, expected)
		}
	}
	slices.Sort(numbers)
	for at, number := range numbers {
		if events[number] != expected[at] {
			log.Fatalf("heard %v, expected %v", events, expected)
		}
	}
	return numbers[0]
}

// publisher is a client of few words: this one of Elastic's only listens.
type publisher struct{ url, clientID string }

func newPublisher(url string) publisher {
	p := publisher{url: url}
	reply := p.ask(map[string]any{"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": []string{"long-polling"}})
	p.clientID, _ = reply["clientId"].(string)
	return p
}

func (p publisher) publish(data ...int) {
	for _, datum := range data {
		p.ask(map[string]any{"channel": channel, "clientId": p.clientID, "data": datum})
	}
}

func (p publisher) ask(message map[string]any) map[string]any {
	body, err := json.Marshal([]any{message})
	if err != nil {
		log.Fatal(err)
	}
	response, err := http.Post(p.url, "application/json", bytes.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	var replies []map[string]any
	if err := json.NewDecoder(response.Body).Decode(&replies); err != nil {
		log.Fatal(err)
	}
	if reply := replies[len(replies)-1]; reply["successful"] == true {
		return reply
	}
	log.Fatalf("%v is answered %v", message, replies)
	return nil
}
