#!/usr/bin/env bash
# Makes `cargo build --target wasm32-unknown-unknown` work, and prints on stdout the path of the rustc that can do it.
#
#   1. rustup has the wasm32 std, or can fetch it: nothing else is done.
#   2. Otherwise Debian's rustc-web, of whatever version apt offers, is unpacked into a private folder, and a wasm32 std is
#      built once from its own source into that folder. Nothing is installed system-wide.
#
# TRELLIS_WASM_TOOLCHAIN=auto|rustup|debian   (default auto)
# TRELLIS_WASM_DIR=...                        (default ${XDG_CACHE_HOME:-~/.cache}/trellis-sync/wasm)
# TRELLIS_WASM_REFRESH=1                      take what apt offers now, even where an older one is complete
set -euo pipefail
mode=${TRELLIS_WASM_TOOLCHAIN:-auto}
dir=${TRELLIS_WASM_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/trellis-sync/wasm}
triple=wasm32-unknown-unknown
say() { echo "wasm-toolchain: $*" >&2; }

# ---- 1. rustup -------------------------------------------------------------
has_std() { # has_std RUSTC: is there a std for $triple in its sysroot?
  local root; root=$("$1" --print sysroot 2>/dev/null) || return 1
  compgen -G "$root/lib/rustlib/$triple/lib/libstd-*.rlib" >/dev/null
}
if [ "$mode" != debian ]; then
  if has_std rustc; then command -v rustc; exit; fi
  # What was built once is used again before anybody waits for a server that may not answer.
  if [ "$mode" = auto ] && [ -z "${TRELLIS_WASM_REFRESH:-}" ] && [ -e "$dir/current/.complete" ]; then
    mode=debian
  elif command -v rustup >/dev/null &&
     timeout 60 rustup target add "$triple" >&2 && has_std rustc; then
    command -v rustc; exit
  fi
  [ "$mode" = rustup ] && { say "rustup could not add $triple"; exit 1; }
  [ "$mode" = debian ] || say "rustup could not add $triple; using Debian's rustc-web"
fi

# ---- 2. Debian's rustc-web ---------------------------------------------------
apt_candidate() { apt-cache policy "$1" 2>/dev/null | awk '/Candidate:/{print $2}'; }
ver=$(apt_candidate rustc-web)
if [ -z "$ver" ] || [ "$ver" = "(none)" ]; then
  apt-get update -qq >&2; ver=$(apt_candidate rustc-web)
fi
# A folder that is already complete stays good even when apt now has a newer one,
# unless TRELLIS_WASM_REFRESH=1.
if [ -z "${TRELLIS_WASM_REFRESH:-}" ] && [ -e "$dir/current/.complete" ]; then
  R=$(readlink -f "$dir/current")
else
  [ -n "$ver" ] && [ "$ver" != "(none)" ] || { say "apt offers no rustc-web"; exit 1; }
  R=$dir/rustc-web-${ver//[^A-Za-z0-9.]/_}
fi

build() {
  local tmp=$R.tmp; rm -rf "$tmp"; mkdir -p "$tmp/debs"
  # Names that carry a version (libstd-rust-web-1.96, libllvm22) are never written
  # here: walk Depends from rustc-web and take what this system does not have.
  local todo=(rustc-web rust-web-src) seen=" " pkg dep
  while [ ${#todo[@]} -gt 0 ]; do
    pkg=${todo[0]}; todo=("${todo[@]:1}")
    case $seen in *" $pkg "*) continue;; esac
    seen+="$pkg "
    while read -r dep; do
      dpkg-query -W -f='${Status}' "$dep" 2>/dev/null | grep -q ' installed$' || todo+=("$dep")
    done < <(apt-cache depends --no-recommends --no-suggests --no-conflicts --no-breaks \
               --no-replaces --no-enhances "$pkg" | awk '$1=="Depends:" && $2 !~ /^</{print $2}')
  done
  say "downloading:$seen"
  # Security updates replace the files in the pool: on a 404 refresh the lists, once.
  # (-o APT::Sandbox::User=root: the private folder need not be readable by _apt.)
  ( cd "$tmp/debs" && { apt-get -o APT::Sandbox::User=root download $seen >&2 ||
      { apt-get update -qq >&2; rm -f ./*.deb; apt-get -o APT::Sandbox::User=root download $seen >&2; }; } )
  local deb
  for deb in "$tmp"/debs/*.deb; do
    case ${deb##*/} in
      rust-web-src_*) # 340 MB unpacked; only library/ is needed
        dpkg-deb --fsys-tarfile "$deb" |
          tar -x -C "$tmp" --wildcards './usr/src/rustc-*/library/*' './usr/lib/rustlib/src/*' ;;
      *) dpkg-deb -x "$deb" "$tmp" ;;
    esac
  done
  rm -rf "$tmp/debs"

  # rustc wrapper: LD_LIBRARY_PATH stays out of everybody else's environment
  mkdir -p "$tmp/bin"
  cat >"$tmp/bin/rustc" <<'W'
#!/bin/sh
r=$(dirname "$(dirname "$(readlink -f "$0")")")
LD_LIBRARY_PATH="$r/usr/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" exec "$r/usr/bin/rustc" "$@"
W
  chmod +x "$tmp/bin/rustc"

  # rustc looks for `rust-lld` in its own sysroot first
  local host tools lld
  host=$("$tmp/bin/rustc" -vV | awk '/^host:/{print $2}')
  tools=$tmp/usr/lib/rustlib/$host/bin; mkdir -p "$tools"
  lld=$(rustc --print sysroot)/lib/rustlib/$host/bin/rust-lld
  [ -x "$lld" ] || lld=$(command -v wasm-ld || compgen -c wasm-ld- | head -1 | xargs -r which) ||
    { say "no rust-lld and no wasm-ld (apt-get install lld)"; return 1; }
  ln -sf "$lld" "$tools/rust-lld"

  # build std for wasm32 once, with the compiler it belongs to
  local work=$tmp/build; mkdir -p "$work/src"
  printf '[package]\nname = "x"\nversion = "0.0.0"\nedition = "2021"\n[lib]\npath = "src/lib.rs"\n[workspace]\n[profile.release]\ndebug = 0\n' >"$work/Cargo.toml"
  echo '#![no_std]' >"$work/src/lib.rs"
  # embed-bitcode: cargo turns it off when the profile has no LTO, and then a user's
  # `lto = true` would not reach into std
  ( cd "$work" && env -u CARGO_BUILD_TARGET RUSTC="$tmp/bin/rustc" RUSTC_BOOTSTRAP=1 RUSTC_WRAPPER= \
      RUSTFLAGS="-C embed-bitcode=yes -Z force-unstable-if-unmarked" CARGO_TARGET_DIR="$work/target" \
      cargo build --release --target "$triple" -Z build-std=std,panic_abort,test >&2 )
  local lib=$tmp/usr/lib/rustlib/$triple/lib; mkdir -p "$lib"
  cp "$work/target/$triple/release/deps/"lib*.rlib "$lib/"
  rm -f "$lib"/libx-*.rlib; rm -rf "$work"
  touch "$tmp/.complete"
  rm -rf "$R"; mv "$tmp" "$R"; ln -sfn "${R##*/}" "$dir/current"
}

mkdir -p "$dir"
exec 9>"$dir/lock"; flock 9
[ -e "$R/.complete" ] || build
has_std "$R/bin/rustc" || { say "no $triple std in $R"; exit 1; }
say "using $("$R/bin/rustc" --version) in $R"
echo "$R/bin/rustc"
