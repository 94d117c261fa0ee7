// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package gate stands before each application and decides which account may be worked on now. It knows no cluster and no connector.
//
// There are three reasons to say no. An account that is told
//
//   - Busy waits here, because every place is taken. It is woken, once, when a place is free and nobody who is more urgent or came
//     before wants it. The place is kept for it for a while; if it does not come (it may be gone, or have nothing to do any more) the
//     next one is woken.
//   - Throttled has a place, from a later time on, because of the rate. It comes again then.
//   - Closed is parked. The application refused our credential or did not answer, so that every account would only find out again.
//     The reconciler of the application asks it from time to time and calls Open, which wakes all who are parked or were refused. If
//     nobody calls Open, one account is let through after a pause as a probe. When the application refuses it too, the next
//     pause is twice as long.
//
// Removals and additions have a lane each, with places of its own. Removals never wait for the rate, so that additions cannot delay them;
// they do count in it. What closes a lane, and what a success in it opens, depends on what was said to whom:
//
//	said                               closes                       over with
//	Unavailable                        both lanes                   a success of a probe in either lane
//	no connector                       both lanes                   the same, unless it was Denied
//	Denied, of an addition             the additions                a success of a probe in that lane
//	Denied, of a removal               both lanes                   a success of a probe in each lane
//
// Open opens both. So a right that is missing to give access keeps nobody inside. An account that is denied again and again although the
// application is said to work is woken later each time: it may be the only one, and closes the lane for the others.
//
//	Enter ─ Closed ──────────────────────────────▶ parked
//	      ├ no place ─▶ waiting ── place free ──┐
//	      ├ no token ─▶ Throttled ── later ──┐  ▼ Wake
//	      └ ok ─▶ work ─▶ Report ─▶ leave    └─▶ Enter again
package gate
