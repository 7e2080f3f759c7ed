//! The routes of a doorway around keys, tokens and members.

use base::Code;

use super::{Body, Route, get, send};

/// Faults of every route that is for those who look after members.
macro_rules! codes {
    ($($code:ident),* $(,)?) => {
        &[
            Code::TokenMissing,
            Code::TokenInvalid,
            Code::TokenExpired,
            Code::NotAMember,
            Code::StewardOnly,
            $(Code::$code,)*
        ]
    };
}

/// The routes.
pub(super) const MEMBER_ROUTES: &[Route] = &[
    Route {
        codes: &[Code::MalformedBody, Code::MalformedHash],
        ..send(
            "POST",
            "/auth/challenge",
            "challenge",
            "Gives something to sign within a minute.",
            (Body::View("ChallengeRequest"), Body::View("ChallengeView")),
        )
    },
    Route {
        codes: &[
            Code::ChallengeInvalid,
            Code::MalformedBody,
            Code::NotAMember,
        ],
        ..send(
            "POST",
            "/auth/token",
            "token",
            "Gives a member a token for a signed challenge.",
            (Body::View("TokenRequest"), Body::View("TokenView")),
        )
    },
    Route {
        needs_token: true,
        codes: codes![],
        ..get(
            "/admin/members",
            "listMembers",
            "Lists the members; for stewards.",
            Body::View("MembersView"),
        )
    },
    Route {
        needs_token: true,
        codes: codes![MalformedHash, MalformedBody],
        ..send(
            "PUT",
            "/admin/members/{agent}",
            "putMember",
            "Admits a member or changes their role; for stewards.",
            (Body::View("MemberPut"), Body::View("MemberView")),
        )
    },
    Route {
        needs_token: true,
        status: 204,
        codes: codes![NotFound],
        ..send(
            "DELETE",
            "/admin/members/{agent}",
            "removeMember",
            "Takes a member off the list; what they wrote stays until it is withdrawn. For stewards.",
            (Body::Empty, Body::Empty),
        )
    },
    Route {
        status: 201,
        codes: &[
            Code::ChallengeInvalid,
            Code::MalformedBody,
            Code::InviteInvalid,
            Code::CommunityFull,
        ],
        ..send(
            "POST",
            "/auth/register",
            "register",
            "Asks to join with a signed challenge, with an invite or without: 201 for a new member, 202 for who waits for approval, 200 for who is a member already.",
            (Body::View("RegisterRequest"), Body::View("RegisterView")),
        )
    },
    Route {
        needs_token: true,
        codes: codes![],
        ..get(
            "/admin/invites",
            "listInvites",
            "Lists the invites, newest first; for stewards and moderators.",
            Body::View("InvitesView"),
        )
    },
    Route {
        needs_token: true,
        status: 201,
        codes: codes![MalformedBody, CommunityFull],
        ..send(
            "POST",
            "/admin/invites",
            "makeInvite",
            "Makes an invite and shows its code, this once; moderators may invite members alone, stewards anybody.",
            (Body::View("InviteRequest"), Body::View("NewInviteView")),
        )
    },
    Route {
        needs_token: true,
        status: 204,
        codes: codes![NotFound],
        ..send(
            "DELETE",
            "/admin/invites/{id}",
            "withdrawInvite",
            "Withdraws an invite; those whom it let in stay members.",
            (Body::Empty, Body::Empty),
        )
    },
    Route {
        needs_token: true,
        codes: codes![],
        ..get(
            "/admin/waiting",
            "listWaiting",
            "Lists who waits for approval, longest first; putting them on the list of members approves.",
            Body::View("WaitingListView"),
        )
    },
    Route {
        needs_token: true,
        status: 204,
        codes: codes![MalformedHash, NotFound],
        ..send(
            "DELETE",
            "/admin/waiting/{agent}",
            "declineWaiting",
            "Turns somebody away who waits for approval; for stewards.",
            (Body::Empty, Body::Empty),
        )
    },
    get(
        "/join",
        "joinPage",
        "Tells somebody with an invite how to join.",
        Body::Html,
    ),
];
