//! The file layer itself: SQLite's table of C functions, each of which looks into the record and then calls the one
//! of SQLite's default layer.
//!
//! Why there is `unsafe` here, and nowhere else in the project: SQLite takes a file layer only as C functions over raw
//! pointers. Every function gets a file that [`open`] laid out: our part, and behind it the part of the default layer.
//! SQLite calls nothing on a file after closing it, and never the same file from two threads at once.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::size_of;
use std::path::{Path, PathBuf};
use std::ptr::{null, null_mut};
use std::sync::{Arc, Mutex};

use rusqlite::ffi;

use crate::lock;
use crate::record::{Call, Event, Failure, Record};

/// What a registered layer refers to, for as long as the process lives.
struct Layer {
    base: *mut ffi::sqlite3_vfs,
    record: Arc<Mutex<Record>>,
}

/// Our part of an open file. SQLite gives us room for it and, directly behind, for the default layer's part.
#[repr(C)]
struct File {
    methods: *const ffi::sqlite3_io_methods,
    layer: *const Layer,
    /// Owned; none for temporary files, which are not recorded.
    path: *mut PathBuf,
}

// The default layer's part begins behind ours and holds pointers.
const _: () = assert!(size_of::<File>().is_multiple_of(align_of::<*const c_void>()));

/// Makes a layer known to SQLite. What it needs is leaked: SQLite keeps a layer until the process ends.
pub(crate) fn register(name: &str, record: Arc<Mutex<Record>>) {
    let name = CString::new(name).expect("a name without NUL");
    // SAFETY: asking for the default layer has no condition, and every build of SQLite for an operating system has one.
    let base = unsafe { ffi::sqlite3_vfs_find(null()) };
    assert!(!base.is_null(), "SQLite has a default file layer");
    let layer = Box::leak(Box::new(Layer { base, record }));
    // SAFETY: the pointer was checked, and a registered layer stays where it is.
    let default = unsafe { *base };
    let vfs = Box::leak(Box::new(ffi::sqlite3_vfs {
        szOsFile: size_of::<File>() as c_int + default.szOsFile,
        pNext: null_mut(),
        zName: name.into_raw(),
        pAppData: std::ptr::from_mut(layer).cast(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_pathname),
        ..default
    }));
    // SAFETY: the table and all that it refers to live as long as the process.
    let code = unsafe { ffi::sqlite3_vfs_register(vfs, 0) };
    assert_eq!(code, ffi::SQLITE_OK, "SQLite takes the file layer");
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 3,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(acquire),
    xUnlock: Some(release),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: Some(fetch),
    xUnfetch: Some(unfetch),
};

/// The layer behind a table that [`register`] made.
///
/// # Safety
/// `vfs` is such a table.
unsafe fn layer<'a>(vfs: *mut ffi::sqlite3_vfs) -> &'a Layer {
    // SAFETY: `register` put a leaked layer there.
    unsafe { &*(*vfs).pAppData.cast::<Layer>() }
}

/// The default layer's part of a file.
///
/// # Safety
/// `file` was laid out by [`open`].
unsafe fn base(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: SQLite gave us `szOsFile` bytes, of which ours are the first.
    unsafe { file.cast::<u8>().add(size_of::<File>()).cast() }
}

/// Calls a function of the default layer on its part of a file.
macro_rules! forward {
    ($file:expr, $method:ident $(, $argument:expr)*) => {{
        // SAFETY: the file is open, so the default layer's part is, and its table has this function, as all of
        // SQLite's own layers have.
        unsafe {
            let base = base($file);
            ((*(*base).pMethods).$method.expect("the default layer has this function"))(base $(, $argument)*)
        }
    }};
}

/// Functions that do nothing but forward.
macro_rules! forwarded {
    ($($name:ident = $method:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {
        $(unsafe extern "C" fn $name(file: *mut ffi::sqlite3_file $(, $argument: $kind)*) -> $answer {
            forward!(file, $method $(, $argument)*)
        })*
    };
}

forwarded! {
    file_size = xFileSize(size: *mut ffi::sqlite3_int64) -> c_int;
    acquire = xLock(level: c_int) -> c_int;
    release = xUnlock(level: c_int) -> c_int;
    check_reserved_lock = xCheckReservedLock(answer: *mut c_int) -> c_int;
    file_control = xFileControl(op: c_int, argument: *mut c_void) -> c_int;
    sector_size = xSectorSize() -> c_int;
    device_characteristics = xDeviceCharacteristics() -> c_int;
    shm_map = xShmMap(page: c_int, bytes: c_int, extend: c_int, mapped: *mut *mut c_void) -> c_int;
    shm_lock = xShmLock(offset: c_int, count: c_int, flags: c_int) -> c_int;
    shm_barrier = xShmBarrier() -> ();
    shm_unmap = xShmUnmap(delete: c_int) -> c_int;
    fetch = xFetch(offset: ffi::sqlite3_int64, bytes: c_int, mapped: *mut *mut c_void) -> c_int;
    unfetch = xUnfetch(offset: ffi::sqlite3_int64, mapped: *mut c_void) -> c_int;
}

/// The record and the path of a file, if it is one that is recorded.
///
/// # Safety
/// `file` was laid out by [`open`] and is open.
unsafe fn recorded<'a>(file: *mut ffi::sqlite3_file) -> Option<(&'a Mutex<Record>, &'a Path)> {
    let file = file.cast::<File>();
    // SAFETY: `open` filled in both, the layer is leaked, and the path is owned by the open file.
    unsafe {
        let path = (*file).path.as_ref()?;
        Some((&(*(*file).layer).record, path))
    }
}

/// The code of a failure that the record asks for in this call.
///
/// # Safety
/// As for [`recorded`].
unsafe fn failure(file: *mut ffi::sqlite3_file, call: Call) -> Option<c_int> {
    // SAFETY: the caller's promise.
    let (record, _) = unsafe { recorded(file) }?;
    let failure = lock(record).failure(call)?;
    Some(match (failure, call) {
        (Failure::Full, _) => ffi::SQLITE_FULL,
        (Failure::Device, Call::Write) => ffi::SQLITE_IOERR_WRITE,
        (Failure::Device, Call::Sync) => ffi::SQLITE_IOERR_FSYNC,
        (Failure::Device, Call::Read) => ffi::SQLITE_IOERR_READ,
        (Failure::Device, Call::Cut) => ffi::SQLITE_IOERR_TRUNCATE,
    })
}

/// # Safety
/// As for [`recorded`].
unsafe fn note(file: *mut ffi::sqlite3_file, event: impl FnOnce(PathBuf) -> Event) {
    // SAFETY: the caller's promise.
    if let Some((record, path)) = unsafe { recorded(file) } {
        lock(record).note(event(path.to_owned()));
    }
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite calls this with our table, with a name that is null or ends in NUL, and with room for `szOsFile`
    // bytes, which is what `base` needs.
    unsafe {
        let layer = layer(vfs);
        let path = path_of(name);
        let before = path.as_ref().and_then(|path| content_before(&layer.record, path));
        let ours = file.cast::<File>();
        ours.write(File { methods: null(), layer, path: null_mut() });
        let open = (*layer.base).xOpen.expect("the default layer has this function");
        let code = open(layer.base, name, base(file), flags, out_flags);
        if code == ffi::SQLITE_OK {
            if let Some(before) = before {
                lock(&layer.record).note(before);
            }
            if let Some(path) = path {
                (*ours).path = Box::into_raw(Box::new(path));
            }
            (*ours).methods = &raw const METHODS;
        }
        code
    }
}

/// # Safety
/// `name` is null or ends in NUL.
unsafe fn path_of(name: *const c_char) -> Option<PathBuf> {
    // SAFETY: the caller's promise.
    (!name.is_null()).then(|| PathBuf::from(unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()))
}

/// What a file that the record does not know yet holds; none if there is no such file. A known one is not opened: closing
/// it would release the locks that other connections of this process have on it.
fn content_before(record: &Mutex<Record>, path: &Path) -> Option<Event> {
    if lock(record).knows(path) {
        return None;
    }
    Some(match std::fs::read(path) {
        Ok(content) => Event::Found(path.to_owned(), content),
        Err(_) => Event::Made(path.to_owned()),
    })
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let ours = file.cast::<File>();
    // SAFETY: `open` made this box, nobody else frees it, and SQLite closes a file once.
    unsafe {
        if !(*ours).path.is_null() {
            drop(Box::from_raw((*ours).path));
            (*ours).path = null_mut();
        }
    }
    forward!(file, xClose)
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    to: *mut c_void,
    bytes: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite calls this with an open file.
    match unsafe { failure(file, Call::Read) } {
        Some(code) => code,
        None => forward!(file, xRead, to, bytes, offset),
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    bytes: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite calls this with an open file.
    let failure = unsafe { failure(file, Call::Write) };
    // A write that fails is half done.
    let written = if failure.is_some() { bytes / 2 } else { bytes };
    let code = forward!(file, xWrite, from, written, offset);
    if code == ffi::SQLITE_OK {
        // SAFETY: SQLite calls this with an open file and as many bytes as it says.
        unsafe {
            let content = std::slice::from_raw_parts(from.cast::<u8>(), written as usize).to_vec();
            note(file, |path| Event::Written(path, offset as u64, content));
        }
    }
    failure.unwrap_or(code)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, bytes: ffi::sqlite3_int64) -> c_int {
    // SAFETY: SQLite calls this with an open file.
    if let Some(code) = unsafe { failure(file, Call::Cut) } {
        return code;
    }
    let code = forward!(file, xTruncate, bytes);
    if code == ffi::SQLITE_OK {
        // SAFETY: SQLite calls this with an open file.
        unsafe { note(file, |path| Event::Cut(path, bytes as u64)) };
    }
    code
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: SQLite calls this with an open file.
    let failure = unsafe { failure(file, Call::Sync) };
    let code = failure.unwrap_or_else(|| forward!(file, xSync, flags));
    let event = if code == ffi::SQLITE_OK { Event::Synced } else { Event::SyncFailed };
    // SAFETY: SQLite calls this with an open file.
    unsafe { note(file, event) };
    code
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    // SAFETY: SQLite calls this with our table and a name that ends in NUL.
    unsafe {
        let layer = layer(vfs);
        let delete = (*layer.base).xDelete.expect("the default layer has this function");
        let code = delete(layer.base, name, sync_folder);
        if let (ffi::SQLITE_OK, Some(path)) = (code, path_of(name)) {
            lock(&layer.record).note(Event::Removed(path));
        }
        code
    }
}

unsafe extern "C" fn access(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    answer: *mut c_int,
) -> c_int {
    // SAFETY: SQLite calls this with our table, and the default layer gets its own.
    unsafe {
        let base = layer(vfs).base;
        ((*base).xAccess.expect("the default layer has this function"))(base, name, flags, answer)
    }
}

unsafe extern "C" fn full_pathname(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    bytes: c_int,
    answer: *mut c_char,
) -> c_int {
    // SAFETY: SQLite calls this with our table, and the default layer gets its own.
    unsafe {
        let base = layer(vfs).base;
        ((*base).xFullPathname.expect("the default layer has this function"))(base, name, bytes, answer)
    }
}
