# SPDX-License-Identifier: BSD-3-Clause
"""Archives of images and of layers, as docker save, OCI tools and those who mean harm make them."""

import contextlib
import hashlib
import io
import json
import os
import shutil
import tarfile

IMAGES = "/var/lib/nsshell/images"


def entry(name, data=None, kind=None, **kw):
    """(TarInfo, bytes) of a file, a directory ("name/"), or what @kind says."""
    info = tarfile.TarInfo(name)
    if data is not None:
        info.size = len(data)
    elif kind is None:
        kind = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
    info.type = kind or tarfile.REGTYPE
    info.mode = 0o755 if info.type == tarfile.DIRTYPE else 0o644
    xattrs = kw.pop("xattrs", {})
    info.pax_headers = {f"SCHILY.xattr.{k}": v for k, v in xattrs.items()}
    for key, value in kw.items():
        setattr(info, key, value)
    return info, data


def symlink(name, to):
    return entry(name, kind=tarfile.SYMTYPE, linkname=to)


def hardlink(name, to):
    return entry(name, kind=tarfile.LNKTYPE, linkname=to)


def tar(*entries, mode="w"):
    """The bytes of a tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=tarfile.PAX_FORMAT) as t:
        for info, data in entries:
            t.addfile(info, io.BytesIO(data) if data is not None else None)
    return out.getvalue()


def digest(data):
    return hashlib.sha256(data).hexdigest()


def config_of(layers, **config):
    return json.dumps({"architecture": "amd64", "os": "linux", "created": "2024-01-01T00:00:00Z", "config": config,
                       "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest(x)}" for x in layers]}}).encode()


def docker_save(layers, tags=("test:1",), config=None):
    """As docker save before it wrote OCI layouts: HEX/layer.tar, links between them, manifest.json at the end."""
    config = config if config is not None else config_of(layers, Env=["PATH=/bin", "GREETING=hello"])
    members, names = [], []
    for layer in layers:
        names.append(f"{digest(layer)}/layer.tar")
        members += [entry(f"{digest(layer)}/"), entry(f"{digest(layer)}/VERSION", b"1.0"), entry(names[-1], layer)]
    name = f"{digest(config)}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": list(tags), "Layers": names}]).encode()
    return tar(*members, entry(name, config), entry("manifest.json", manifest))


def oci_files(layers, ref="test:1", compress=lambda x: x, kind="tar", config=None, lie=None):
    """Path to bytes of an OCI layout. @lie: changes the manifest before its digest is taken."""
    config = config if config is not None else config_of(layers)
    blobs = [compress(x) for x in layers]
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": f"sha256:{digest(config)}",
                           "size": len(config)},
                "layers": [{"mediaType": f"application/vnd.oci.image.layer.v1.{kind}", "digest": f"sha256:{digest(x)}",
                            "size": len(x)} for x in blobs]}
    if lie:
        lie(manifest)
    text = json.dumps(manifest).encode()
    index = {"schemaVersion": 2, "manifests": [
        {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": f"sha256:{digest(text)}", "size": len(text),
         "annotations": {"org.opencontainers.image.ref.name": ref}}]}
    files = {f"blobs/sha256/{digest(x)}": x for x in (*blobs, config, text)}
    files["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    files["index.json"] = json.dumps(index).encode()
    return files


def oci_archive(*args, **kw):
    return tar(*[entry(k, v) for k, v in oci_files(*args, **kw).items()])


@contextlib.contextmanager
def store(b):
    """A place for files, and afterwards no image."""
    place = b.stage.private / "archives"
    place.mkdir()
    try:
        yield place
    finally:
        b.gone()
        shutil.rmtree(IMAGES, ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)


def layers_of(name):
    """Directories of an image's layers, lowest first."""
    text = open(f"{IMAGES}/tags/{name}/layers", encoding="ascii").read()
    return [f"{IMAGES}/layers/sha256/{line.split()[1]}" for line in text.splitlines()]


def stored():
    """All that is in the store, but its locks."""
    return sorted(os.path.join(d, f)[len(IMAGES) + 1:] for d, dirs, files in os.walk(IMAGES) for f in files + dirs
                  if f not in ("lock", "work"))
