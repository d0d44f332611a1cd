//! temp
use alloc::vec::Vec;
use alloc::string::String;
use crate::op::{id::*, json::Value, pointer::Pointer, header::Ids, body::*};
use crate::time::Hlc;
/// t
#[derive(Clone,Copy,PartialEq,Eq,Debug)] pub enum Effect { /// t
 Effective, /// t
 Ineffective }
/// t
pub struct EntityRef<'a> { /// t
 pub branch: &'a str, /// t
 pub collection: &'a str, /// t
 pub key: &'a str }
/// t
#[derive(Clone,Debug)]
pub struct Write<'a> { /// t
pub id: OpId, /// t
pub hlc: Hlc, /// t
pub author: Author, /// t
pub base: Ids<'a>, /// t
pub effect: Effect, /// t
pub content: Content }
/// t
#[derive(Clone,Debug,PartialEq)] pub enum Shown { /// t
Absent, /// t
Json(Value), /// t
Bytes(Vec<u8>), /// t
BodyMissing }
/// t
#[derive(Clone,Debug,PartialEq)] pub struct Conflict { /// t
pub key: String, /// t
pub path: Pointer }
/// t
pub struct Entity { /// t
pub frontier: Vec<OpId>, /// t
pub shown: Shown, /// t
pub conflicts: Vec<Conflict> }
/// t
pub fn merge(_n: EntityRef<'_>, _w: &[Write<'_>], _m: &Manifest) -> Entity { Entity { frontier: Vec::new(), shown: Shown::Absent, conflicts: Vec::new() } }
use super::manifest::Manifest;
