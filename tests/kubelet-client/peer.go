package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// runPeer is this program inside a container: the other end of connections and streams.
func runPeer(verb string, words []string) int {
	if err := peerVerb(verb, words); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		return 1
	}
	return 0
}

func peerVerb(verb string, words []string) error {
	number := func() (int64, error) { return strconv.ParseInt(words[0], 10, 64) }
	switch verb {
	case "echo":
		return serve(words, func(conn *net.TCPConn) { _, _ = io.Copy(conn, conn) })
	case "count":
		// Answers when the other side has said that nothing more comes.
		return serve(words, func(conn *net.TCPConn) {
			d := newDigest()
			_, _ = io.Copy(d, conn)
			fmt.Fprint(conn, d)
		})
	case "greet":
		// Hangs up first.
		return serve(words, func(conn *net.TCPConn) { fmt.Fprintf(conn, "hello from %s", conn.LocalAddr().(*net.TCPAddr).IP) })
	case "serve-pattern":
		size, err := number()
		if err != nil {
			return err
		}
		return serve(words[1:], func(conn *net.TCPConn) { _, _ = io.Copy(conn, newPattern(size)) })
	case "source":
		size, err := number()
		if err != nil {
			return err
		}
		_, err = io.Copy(os.Stdout, newPattern(size))
		return err
	case "sink":
		d := newDigest()
		if _, err := io.Copy(d, os.Stdin); err != nil {
			return err
		}
		fmt.Println(d)
		return nil
	case "sizes":
		return showSizes()
	case "allocate":
		size, err := number()
		if err != nil {
			return err
		}
		return allocate(size << 20)
	default:
		return fmt.Errorf("no verb %s", verb)
	}
}

// serve listens on every address and says so on stdout.
func serve(addresses []string, handle func(*net.TCPConn)) error {
	for _, address := range addresses {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					fmt.Fprintln(os.Stderr, "accept:", err)
					os.Exit(1)
				}
				go func() {
					defer conn.Close()
					handle(conn.(*net.TCPConn))
				}()
			}
		}()
	}
	fmt.Println("listening")
	select {}
}

// showSizes prints the terminal's size at the start and whenever it changes, until a byte comes in.
func showSizes() error {
	changed := make(chan os.Signal, 100)
	signal.Notify(changed, syscall.SIGWINCH)
	show := func() error {
		size, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ)
		if err == nil {
			fmt.Printf("%dx%d\n", size.Col, size.Row)
		}
		return err
	}
	if err := show(); err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		var one [1]byte
		_, _ = os.Stdin.Read(one[:])
		close(done)
	}()
	for {
		select {
		case <-changed:
			if err := show(); err != nil {
				return err
			}
		case <-done:
			return nil
		}
	}
}

func allocate(size int64) error {
	memory := make([]byte, size)
	for at := int64(0); at < size; at += 4096 {
		memory[at] = 1
	}
	fmt.Println("allocated", len(memory))
	time.Sleep(time.Hour)
	return nil
}
