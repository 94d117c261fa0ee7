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
//     The reconciler of the application asks from time to time and calls Open; the change of its status then wakes all who
//     are parked, so nothing is kept about them here. If nobody calls Open, one account is let through after a pause as a probe. When
//     the application refuses it too, the next pause is twice as long.
//
// Removals have places of their own and never wait for the rate, so that additions cannot delay them. They do count in the rate. A
// closed application is closed for them too: they would fail.
//
//	Enter ─ Closed ──────────────────────────────▶ parked
//	      ├ no place ─▶ waiting ── place free ──┐
//	      ├ no token ─▶ Throttled ── later ──┐  ▼ Wake
//	      └ ok ─▶ work ─▶ Report ─▶ leave    └─▶ Enter again
package gate
