package supply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"

	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry/remote"
)

const maxArtifact = 1 << 20 // bytes of an artifact's manifest

// artifact is what is read of an OCI image manifest: its layers are files with titles, as
// `oras push REF plugin.yaml plugin.sig voice.wasm` writes them.
type artifact struct {
	Layers []layer `json:"layers"`
}

type layer struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations"`
}

const titleKey = "org.opencontainers.image.title"

// openOCI reads a bundle from a registry, anonymously. The reference holds the digest of the
// artifact's manifest, and that one the digest of each file: all are verified.
func openOCI(ctx context.Context, ref string) (*Bundle, error) {
	name := strings.TrimPrefix(ref, "oci://")
	repository, digest, pinned := strings.Cut(name, "@")
	if !pinned || !validDigest(digest, "sha256:") {
		return nil, fmt.Errorf("supply: fetch %s: want a digest, REGISTRY/REPOSITORY@sha256:64 hexadecimal digits; tags can change", ref)
	}
	repo, err := remote.NewRepository(repository)
	if err != nil {
		return nil, fmt.Errorf("supply: fetch %s: %w", ref, err)
	}
	repo.PlainHTTP = loopback(repo.Reference.Registry)
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	text, err := blob(ctx, repo.Manifests(), digest, maxArtifact)
	if err != nil {
		return nil, fmt.Errorf("supply: fetch %s: %w", ref, err)
	}
	var a artifact
	if err := json.Unmarshal(text, &a); err != nil {
		return nil, fmt.Errorf("supply: fetch %s: manifest: %w", ref, err)
	}
	return read(func(name string, most int64) ([]byte, error) {
		for _, l := range a.Layers {
			if l.Annotations[titleKey] != name {
				continue
			}
			if l.Size > most {
				return nil, fmt.Errorf("%d bytes, want at most %d", l.Size, most)
			}
			return blob(ctx, repo.Blobs(), l.Digest, most)
		}
		return nil, fs.ErrNotExist
	}, ManifestFile, ref)
}

// source is a part of a repository.
type source interface {
	content.Resolver
	content.Fetcher
}

// blob fetches what has the digest and verifies it.
func blob(ctx context.Context, from source, digest string, most int64) ([]byte, error) {
	d, err := from.Resolve(ctx, digest)
	if err != nil {
		return nil, err
	}
	if d.Size > most {
		return nil, fmt.Errorf("%s: %d bytes, want at most %d", digest, d.Size, most)
	}
	if d.Digest.String() != digest {
		return nil, errors.New(digest + ": the registry answers another digest")
	}
	return content.FetchAll(ctx, from, d)
}

// loopback registries are spoken to without TLS, as tests and local ones are.
func loopback(registry string) bool {
	host, _, err := net.SplitHostPort(registry)
	if err != nil {
		host = registry
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
