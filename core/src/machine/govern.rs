//! Edits of the engine's own branch: members, invitations, manifests and redactions.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::Machine;
use super::seal::{Draw, Sealing};
use super::write::Ground;
use crate::admit::authority::{MANIFESTS, is_reserved};
use crate::admit::invitation::{INVITATIONS, InvitationTerms};
use crate::admit::members::{MEMBERS, grant_body, invited_body, removal_body};
use crate::admit::redaction::{self, REVIEW};
use crate::error::CommandError;
use crate::input::Role;
use crate::limits::NAME_BYTES_MAX;
use crate::log::graph::{Branch, Node};
use crate::merge::manifest::{Manifest, ManifestError};
use crate::op::body::{Content, Leaf, encode_json};
use crate::op::header::REPO_BRANCH;
use crate::op::hex;
use crate::op::id::{Author, OpId};
use crate::op::invitation::InvitationProof;
use crate::op::json::Value;
use crate::op::kind::{Format, Kind};
use crate::op::pointer::Pointer;
use crate::ordered::{Map, Set};
use crate::output::ManifestView;
use crate::time::Hlc;

impl Machine {
    /// Makes a member. The first time, everybody who has written becomes one too, so that nothing loses its effect.
    pub(super) fn seal_grant(
        &self,
        author: Author,
        name: &str,
        role: Role,
        sealing: &mut Sealing<'_>,
    ) -> Result<(), CommandError> {
        self.check_governing(sealing)?;
        if self.owner() == Some(author) && role != Role::Owner {
            return Err(CommandError::OwnerStays);
        }
        self.seal_first_members(Some(author), sealing)?;
        let name = Some(name).filter(|name| !name.is_empty());
        self.push_member(author, &grant_body(role, name), sealing)
    }

    /// Where everybody may write, whoever has written becomes a member, but for who is made one anyway.
    fn seal_first_members(&self, but: Option<Author>, sealing: &mut Sealing<'_>) -> Result<(), CommandError> {
        if !self.state.authority.is_open() {
            return Ok(());
        }
        for earlier in self.authors().into_iter().filter(|earlier| Some(*earlier) != but) {
            self.push_member(earlier, &grant_body(Role::Writer, None), sealing)?;
        }
        Ok(())
    }

    /// Lets members make members of whoever holds a key. Where everybody may write, that ends, as with the first member.
    pub(super) fn seal_invitation(
        &self,
        key: Author,
        terms: &InvitationTerms,
        sealing: &mut Sealing<'_>,
    ) -> Result<(), CommandError> {
        self.check_governing(sealing)?;
        if !terms.are_sound() {
            return Err(CommandError::BadInvitation);
        }
        if let Some(owner) = self.owner().filter(|_| self.state.authority.is_open()) {
            self.push_member(owner, &grant_body(Role::Owner, None), sealing)?;
        }
        self.seal_first_members(None, sealing)?;
        self.push_repo_put(INVITATIONS, &hex::encode(&key.0), &terms.body(), sealing)
    }

    /// Ends an invitation; writes nothing where it has ended already.
    pub(super) fn seal_revocation(&self, key: Author, sealing: &mut Sealing<'_>) -> Result<(), CommandError> {
        self.check_governing(sealing)?;
        let invitations = self.state.authority.invitations(&self.graph);
        match invitations.iter().find(|invitation| invitation.key == key) {
            None => Err(CommandError::NoInvitation(key)),
            Some(invitation) if invitation.is_revoked => Ok(()),
            Some(_) => {
                let key = hex::encode(&key.0);
                let base = self.shown_base(INVITATIONS, &key, REPO_BRANCH);
                let collection = INVITATIONS.into();
                self.push(Draw { collection, key, kind: Kind::Delete, body: None, base }, sealing)
            }
        }
    }

    /// Makes a member on the proof of an invitation. What the op's clock will say decides, as it does for everybody.
    pub(super) fn seal_let_in(
        &self,
        guest: Author,
        proof: &InvitationProof,
        sealing: &mut Sealing<'_>,
    ) -> Result<(), CommandError> {
        self.check_on_repo(sealing)?;
        let at = Hlc::next(sealing.now, sealing.clock).millis();
        let terms = self.state.authority.admits(&self.graph, (&sealing.author, &guest), proof, at);
        let terms = terms.ok_or(CommandError::NotPermitted)?;
        self.push_member(guest, &invited_body(terms.role, terms.name.as_deref(), proof), sealing)
    }

    pub(super) fn seal_removal(&self, author: Author, sealing: &mut Sealing<'_>) -> Result<(), CommandError> {
        self.check_governing(sealing)?;
        if self.owner() == Some(author) {
            return Err(CommandError::OwnerStays);
        }
        if !self.state.authority.members().iter().any(|member| member.author == author && member.role.is_some()) {
            return Err(CommandError::NoMember(author));
        }
        let mut cut: Map<Branch, OpId> = Map::new();
        for (branch, _, ends) in self.graph.chains().filter(|(_, of, _)| *of == author) {
            let last = ends.into_iter().max_by_key(|end| self.graph.ord(*end));
            cut.extend(last.map(|last| (branch, self.graph.id(last))));
        }
        let cut = cut.into_iter().map(|(branch, id)| (self.graph.branch_name(branch), id));
        self.push_member(author, &removal_body(cut), sealing)
    }

    pub(super) fn seal_redaction(
        &self,
        ops: &[OpId],
        pointers: &[Pointer],
        ground: &Ground,
        sealing: &mut Sealing<'_>,
    ) -> Result<(), CommandError> {
        self.check_on_repo(sealing)?;
        for id in ops {
            let node = self.graph.find(id).ok_or(CommandError::NoOp(*id))?;
            let is_own = self.graph.author(node) == sealing.author;
            if !is_own && !self.state.authority.may_govern(&sealing.author) {
                return Err(CommandError::NotPermitted);
            }
            let places = match ground.contents.get(&node) {
                Some(Content::Patch(patch)) if pointers.is_empty() => patch.places().cloned().collect(),
                Some(Content::Patch(_)) => pointers.to_vec(),
                _ => Vec::new(),
            };
            self.push_repo_put(REVIEW, &hex::encode(&id.0), &redaction::body(&places), sealing)?;
        }
        Ok(())
    }

    /// Declares a collection. Writes nothing where that is declared already.
    pub(super) fn seal_declaration(
        &self,
        collection: &str,
        manifest: &Value,
        sealing: &mut Sealing<'_>,
    ) -> Result<(), CommandError> {
        self.check_governing(sealing)?;
        check_declarable(collection, manifest)?;
        match self.manifests().iter().any(|view| view.collection == collection && view.manifest == *manifest) {
            true => Ok(()),
            false => self.push_repo_put(MANIFESTS, collection, manifest, sealing),
        }
    }

    /// What collections declare, ascending by collection.
    pub(super) fn manifests(&self) -> Vec<ManifestView> {
        let view = |(collection, node): (&str, Node)| match self.repo_contents.get(&node)? {
            Content::Put(Leaf::Json(manifest)) => {
                let (collection, manifest) = (collection.into(), manifest.clone());
                Some(ManifestView { collection, op: self.graph.id(node), manifest })
            }
            _ => None,
        };
        self.state.declarations().filter_map(view).collect()
    }

    /// Withdraws others' ops from a linear branch.
    pub(super) fn seal_drop(&self, line: &str, ops: &[OpId], sealing: &mut Sealing<'_>) -> Result<(), CommandError> {
        self.check_governing(sealing)?;
        let branch = self.branch(line)?;
        let is_there = |id: &&OpId| self.graph.find(id).is_none_or(|node| self.graph.branch(node) != branch);
        if let Some(id) = ops.iter().find(is_there) {
            return Err(CommandError::NoOp(*id));
        }
        self.push_repo_put(REVIEW, &format!("line/{line}"), &redaction::drop_body(line, ops), sealing)
    }

    fn push_member(&self, author: Author, body: &Value, sealing: &mut Sealing<'_>) -> Result<(), CommandError> {
        self.push_repo_put(MEMBERS, &hex::encode(&author.0), body, sealing)
    }

    fn push_repo_put(
        &self,
        collection: &str,
        key: &str,
        body: &Value,
        sealing: &mut Sealing<'_>,
    ) -> Result<(), CommandError> {
        let body = Some((Format::Json, encode_json(body)?));
        let base = match sealing.written.get(&(collection.into(), key.into())) {
            Some(own) => alloc::vec![*own],
            None => self.shown_base(collection, key, REPO_BRANCH),
        };
        self.push(Draw { collection: collection.into(), key: key.into(), kind: Kind::Put, body, base }, sealing)
    }

    fn check_governing(&self, sealing: &Sealing<'_>) -> Result<(), CommandError> {
        self.check_on_repo(sealing)?;
        if self.state.authority.may_govern(&sealing.author) { Ok(()) } else { Err(CommandError::NotPermitted) }
    }

    fn check_on_repo(&self, sealing: &Sealing<'_>) -> Result<(), CommandError> {
        if sealing.branch == REPO_BRANCH { Ok(()) } else { Err(CommandError::Reserved) }
    }

    fn owner(&self) -> Option<Author> {
        self.graph.genesis().map(|genesis| self.graph.author(genesis))
    }

    /// Everybody who has written, who may govern left out, ascending.
    fn authors(&self) -> Vec<Author> {
        let authors: Set<Author> = self.graph.chains().map(|(_, author, _)| author).collect();
        authors.into_iter().filter(|author| !self.state.authority.may_govern(author)).collect()
    }
}

fn check_declarable(collection: &str, manifest: &Value) -> Result<(), CommandError> {
    if is_reserved(collection) {
        return Err(CommandError::Reserved);
    }
    if collection.len() > NAME_BYTES_MAX {
        return Err(CommandError::BadName);
    }
    match Manifest::parse(manifest)?.collection {
        Some(named) if named != collection => {
            let problem = "this has to be the collection that is declared".into();
            Err(CommandError::BadManifest { at: Pointer::ROOT.child("collection"), problem })
        }
        _ => Ok(()),
    }
}

impl From<ManifestError> for CommandError {
    fn from(ManifestError { at, problem }: ManifestError) -> CommandError {
        CommandError::BadManifest { at, problem: problem.to_string() }
    }
}
