package main

import (
	"bytes"
	"net"
	"strconv"
	"strings"
	"time"
)

const (
	eventsPerAnswer = 5
	// Digits of a time in nanoseconds since 1970: always nineteen of them until the year 2286.
	stampDigits = 19
)

var (
	commonHead = "HTTP/1.1 200 OK\r\nCache-Control: no-cache\r\nMcp-Session-Id: 7f3f2f0e-6a2f-4a53-9b52-0d2a6f9c0b11\r\n" +
		"Date: Sat, 21 Nov 2026 00:00:00 GMT\r\n"
	jsonAnswer = []byte(commonHead + "Content-Type: application/json\r\nContent-Length: 1024\r\n\r\n" + jsonBody())
	streamHead = []byte(commonHead + "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
	eventStart = []byte("event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":" +
		"{\"progressToken\":\"abc\",\"progress\":50,\"total\":100,\"at\":")
	eventEnd = []byte("}}\n\n")
	chunkEnd = []byte("\r\n")
)

func jsonBody() string {
	start := `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"`
	end := `"}]}}`
	return start + strings.Repeat("x", 1024-len(start)-len(end)) + end
}

// serveUpstream answers POST with 1 KiB of JSON, POST to a path that ends in /sse with five events, and GET with a
// stream that has one event and then rests. It records nothing.
func serveUpstream(listener net.Listener, gap time.Duration) {
	for {
		connection, err := listener.Accept()
		check(err)
		go serveConnection(connection, gap)
	}
}

func serveConnection(connection net.Conn, gap time.Duration) {
	defer connection.Close()
	reader := newMessageReader(connection)
	for {
		request, err := reader.next(nil)
		if err != nil {
			return
		}
		switch line := request[:bytes.IndexByte(request, '\r')]; {
		case bytes.HasPrefix(line, []byte("GET ")):
			err = holdStream(connection)
		case bytes.Contains(line, []byte("/sse ")):
			err = writeEvents(connection, gap)
		default:
			_, err = connection.Write(jsonAnswer)
		}
		if err != nil {
			return
		}
	}
}

func writeEvents(connection net.Conn, gap time.Duration) error {
	buffer := make([]byte, 0, 1024)
	buffer = appendEvent(append(buffer, streamHead...))
	for sent := 1; ; sent++ {
		if sent == eventsPerAnswer {
			buffer = append(buffer, chunkedEnd...)
		}
		if _, err := connection.Write(buffer); err != nil || sent == eventsPerAnswer {
			return err
		}
		time.Sleep(gap)
		buffer = appendEvent(buffer[:0])
	}
}

// appendEvent adds one event as a chunk; it tells when it was written.
func appendEvent(buffer []byte) []byte {
	length := len(eventStart) + stampDigits + len(eventEnd)
	buffer = append(strconv.AppendInt(buffer, int64(length), 16), chunkEnd...)
	buffer = append(buffer, eventStart...)
	buffer = strconv.AppendInt(buffer, time.Now().UnixNano(), 10)
	buffer = append(buffer, eventEnd...)
	return append(buffer, chunkEnd...)
}

// holdStream writes one event and waits until the other side is gone.
func holdStream(connection net.Conn) error {
	if _, err := connection.Write(appendEvent(append([]byte{}, streamHead...))); err != nil {
		return err
	}
	_, err := connection.Read(make([]byte, 1))
	return err
}
