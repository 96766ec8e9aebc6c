import Bootstrap

extension APIRoutes {
    /// Authentication and accounts.
    var accountRoutes: [Route] {
        let cookie = RefreshCookie(settings.common.publicURL)
        let checkPassword = CheckPassword(stores: stores, passwords: passwords)
        let changeEmail = ChangeEmail(stores: stores, checkPassword: checkPassword, clock: clock)
        let auth = AuthRoutes(
            registerUser: RegisterUser(
                stores: stores, passwords: passwords, openSession: openSession, verifiedEmail: verifiedEmail),
            logIn: LogIn(stores: stores, passwords: passwords, openSession: openSession, verifiedEmail: verifiedEmail),
            refreshSession: RefreshSession(stores: stores, openSession: openSession, clock: clock, logger: logger),
            logOut: LogOut(stores: stores), requestMail: RequestAccountMail(stores: stores),
            verifyEmail: VerifyEmail(stores: stores, proveAddress: proveAddress, clock: clock),
            resetPassword: ResetPassword(
                stores: stores, passwords: passwords, proveAddress: proveAddress, clock: clock),
            changeEmail: changeEmail,
            signInByLink: SignInByLink(
                stores: stores, proveAddress: proveAddress, openSession: openSession, clock: clock),
            signInGuard: signInGuard, mailGuard: mailGuard, clients: clients, cookie: cookie)
        let account = AccountRoutes(stores: stores, editAccount: EditAccount(stores: stores), clock: clock)
        let sessions = SessionRoutes(
            stores: stores, endSessions: EndSessions(stores: stores), recentSignIn: recentSignIn, cookie: cookie,
            clock: clock)
        let credentials = CredentialRoutes(
            stores: stores,
            changePassword: ChangePassword(
                stores: stores, passwords: passwords, checkPassword: checkPassword, openSession: openSession,
                clock: clock),
            changeEmail: changeEmail,
            deleteAccount: DeleteAccount(
                stores: stores, batcher: batcher, checkPassword: checkPassword, clock: clock),
            reauthenticate: Reauthenticate(stores: stores, checkPassword: checkPassword, clock: clock),
            recentSignIn: recentSignIn, signInGuard: signInGuard, mailGuard: mailGuard, clients: clients,
            cookie: cookie, clock: clock)
        let notifications = NotificationRoutes(
            stores: stores, readNotifications: ReadNotifications(stores: stores, clock: clock),
            editPreferences: EditPreferences(stores: stores), unsubscribe: Unsubscribe(stores: stores))
        return [
            .post("/api/v1/auth/register", .ignored, auth.register),
            .post("/api/v1/auth/login", .ignored, auth.logIn),
            .post("/api/v1/auth/refresh", .cookie, auth.refresh),
            .post("/api/v1/auth/logout", .cookie, auth.logOut),
            .post("/api/v1/auth/sign-in-link", .ignored, auth.signInByLink),
            .post("/api/v1/auth/reauthenticate", .required, credentials.reauthenticate),
            .post("/api/v1/auth/verify-email", .ignored, auth.verifyEmail),
            .post("/api/v1/auth/verify-email/resend", .ignored, auth.resendVerification),
            .post("/api/v1/auth/password-reset", .ignored, auth.requestPasswordReset),
            .post("/api/v1/auth/password-reset/confirm", .ignored, auth.resetPassword),
            .post("/api/v1/auth/email-change/confirm", .ignored, auth.confirmEmail),

            .get("/api/v1/me", .required, account.show),
            .patch("/api/v1/me", .required, account.edit),
            .delete("/api/v1/me", .required, credentials.delete),
            .post("/api/v1/me/password", .required, credentials.password),
            .post("/api/v1/me/email", .required, credentials.email),
            .get("/api/v1/me/export", .required, credentials.export),
            .get("/api/v1/me/sessions", .required, sessions.list),
            .delete("/api/v1/me/sessions", .required, sessions.endAll),
            .delete("/api/v1/me/sessions/{id}", .required, sessions.end),
            .get("/api/v1/me/registrations", .required, account.registrations),
            .get("/api/v1/me/notifications", .required, notifications.list),
            .get("/api/v1/me/notifications/unread", .required, notifications.unread),
            .post("/api/v1/me/notifications/read", .required, notifications.markAllRead),
            .post("/api/v1/me/notifications/{id}/read", .required, notifications.markRead),
            .get("/api/v1/me/preferences", .required, notifications.showPreferences),
            .patch("/api/v1/me/preferences", .required, notifications.edit),
            .get("/api/v1/unsubscribe", .ignored, notifications.openLink),
            .post("/api/v1/unsubscribe", .ignored, notifications.followLink),
        ]
    }
}
