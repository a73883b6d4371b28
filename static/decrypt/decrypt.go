// go run decrypt.go [--base64] private.pem [older.pem ...] < values.txt
//
// One encrypted value a line in, its plain text a line out (with --base64 the base64 of its bytes). Each key is tried
// in turn, so values from before and after a change of keys may be mixed. Go 1.18 or later, standard library only.
package main

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
)

func readKey(path string) (*rsa.PrivateKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New(path + " holds no PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	private, isRSA := key.(*rsa.PrivateKey)
	if !isRSA {
		return nil, errors.New(path + " holds no RSA key")
	}
	return private, nil
}

// openBlock is RSAES-OAEP with SHA-256, which Go takes for MGF1 too, and an empty label.
func openBlock(key *rsa.PrivateKey, block []byte) ([]byte, error) {
	return rsa.DecryptOAEP(sha256.New(), nil, key, block, nil)
}

// openJWE opens a long value: RFC 7516, RSA-OAEP-256 around a key for A256GCM.
func openJWE(key *rsa.PrivateKey, token string) ([]byte, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 5 {
		return nil, errors.New("a JWE has five parts")
	}
	var decoded [5][]byte
	for at, part := range parts {
		bytes, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			return nil, err
		}
		decoded[at] = bytes
	}
	contentKey, err := openBlock(key, decoded[1])
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(contentKey)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	if len(decoded[2]) != gcm.NonceSize() {
		return nil, errors.New("the nonce has another length")
	}
	return gcm.Open(nil, decoded[2], append(decoded[3], decoded[4]...), []byte(parts[0]))
}

func open(keys []*rsa.PrivateKey, value string) ([]byte, error) {
	for _, key := range keys {
		var plain []byte
		var err error
		if strings.Contains(value, ".") {
			plain, err = openJWE(key, value)
		} else {
			var block []byte
			if block, err = base64.StdEncoding.DecodeString(value); err == nil {
				plain, err = openBlock(key, block)
			}
		}
		if err == nil {
			return plain, nil
		}
	}
	return nil, errors.New("a value opens with none of the keys")
}

func main() {
	paths := os.Args[1:]
	inBase64 := len(paths) > 0 && paths[0] == "--base64"
	if inBase64 {
		paths = paths[1:]
	}
	if len(paths) == 0 {
		log.Fatal("name the file of your private key")
	}
	var keys []*rsa.PrivateKey
	for _, path := range paths {
		key, err := readKey(path)
		if err != nil {
			log.Fatal(err)
		}
		keys = append(keys, key)
	}
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			plain, failed := open(keys, string(bytes.TrimRight(line, "\r\n")))
			if failed != nil {
				log.Fatal(failed)
			}
			if inBase64 {
				fmt.Println(base64.StdEncoding.EncodeToString(plain))
			} else {
				fmt.Println(string(plain))
			}
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			log.Fatal(err)
		}
	}
}
