package main

import (
	"bytes"
	"errors"
	"net"
	"strconv"
)

var (
	headEnd       = []byte("\r\n\r\n")
	chunkedEnd    = []byte("0\r\n\r\n")
	contentLength = []byte("content-length:")
	chunkedCoding = []byte("transfer-encoding: chunked")
	errTooLarge   = errors.New("message too large")
)

// messageReader reads whole HTTP messages from one connection, one at a time: good enough for peers that are known to
// speak correctly, and cheap.
type messageReader struct {
	connection net.Conn
	buffer     []byte
}

func newMessageReader(connection net.Conn) *messageReader {
	return &messageReader{connection, make([]byte, 16*1024)}
}

// next reads until a message is there whole. onBody, if any, is called once, with what has come of the body when its
// first bytes arrive. The message is valid until the next call.
func (reader *messageReader) next(onBody func(body []byte)) ([]byte, error) {
	filled, headLength, bodyLength, chunked := 0, 0, 0, false
	for filled < len(reader.buffer) {
		count, err := reader.connection.Read(reader.buffer[filled:])
		if err != nil {
			return nil, err
		}
		filled += count
		message := reader.buffer[:filled]
		if headLength == 0 {
			end := bytes.Index(message, headEnd)
			if end < 0 {
				continue
			}
			headLength = end + len(headEnd)
			bodyLength, chunked = framing(message[:headLength])
		}
		body := message[headLength:]
		if onBody != nil && len(body) > 0 {
			onBody(body)
			onBody = nil
		}
		if chunked && bytes.HasSuffix(body, chunkedEnd) || !chunked && len(body) >= bodyLength {
			return message, nil
		}
	}
	return nil, errTooLarge
}

// framing finds how long the body is, or that it is chunked. A message with neither header has no body.
func framing(head []byte) (length int, chunked bool) {
	for {
		end := bytes.IndexByte(head, '\n')
		if end < 0 {
			return 0, false
		}
		line := head[:end]
		head = head[end+1:]
		if value, found := after(line, contentLength); found {
			length, _ = strconv.Atoi(string(bytes.TrimSpace(value)))
			return length, false
		}
		if _, found := after(line, chunkedCoding); found {
			return 0, true
		}
	}
}

func after(line, start []byte) ([]byte, bool) {
	if len(line) < len(start) || !bytes.EqualFold(line[:len(start)], start) {
		return nil, false
	}
	return line[len(start):], true
}

// status reads the three digits of a status line; 0 when there are none.
func status(message []byte) int {
	if len(message) < 12 {
		return 0
	}
	code, _ := strconv.Atoi(string(message[9:12]))
	return code
}
