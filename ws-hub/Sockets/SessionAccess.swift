import Access
import Domain
import FoundationEssentials
import NIOCore

/// The requests of a socket, and their authorization.
extension Session {
    func receive(_ text: String) {
        do throws(ClientMessage.Refusal) {
            switch try ClientMessage(text) {
            case .authenticate(let token): authenticate(token)
            case .subscribe(let topic): subscribe(topic)
            case .unsubscribe(let topic): unsubscribe(topic)
            }
        } catch {
            send(ServerMessage.error(error.code, error.message))
            close(.policy)
        }
    }

    // MARK: Authentication

    private func authenticate(_ token: String) {
        guard !isVerifying else {
            send(ServerMessage.error("malformed-message", "The last token is still being checked."))
            return close(.policy)
        }
        isVerifying = true
        // Ends within the verifier's short work; closing the socket doesn't wait for it.
        let verification = hub.eventLoop.makeFutureWithTask { [access = hub.access] in
            try await access.admit(token)
        }
        verification.assumeIsolated().whenComplete { result in
            self.isVerifying = false
            guard !self.isClosing, self.indexInHub != nil else { return }
            switch result {
            case .success((let principal, .stands)): self.admit(principal)
            case .success((_, .signedOut)):
                self.send(ServerMessage.error("signed-out", "This sign-in is over."))
                self.close(.signedOut)
            case .success((_, .demoted)):
                self.send(ServerMessage.error("token-outdated", "The token tells of a role that is gone."))
                self.close(.notAuthenticated)
            case .failure(let error):
                let isExpired = error as? AccessTokenError == .expired
                self.send(
                    ServerMessage.error(
                        isExpired ? "token-expired" : "not-authenticated",
                        isExpired ? "The token has expired." : "The token is not valid."))
                self.close(.notAuthenticated)
            }
        }
    }

    private func admit(_ principal: Principal) {
        if let known = self.principal {
            if known.userID != principal.userID { return close(.notAllowed) }
        } else if hub.census.enter(principal.userID) > hub.limits.socketsPerUser,
            hub.limits.areRatesLimited
        {
            self.principal = principal  // counted until it has left
            send(ServerMessage.error("too-many-sockets", "There are too many sockets of this person."))
            return close(.tooMany)
        }
        self.principal = principal
        authenticationDeadline = nil
        let left = max(0, principal.expiresAt.timeIntervalSinceNow)
        expiry = .now() + .milliseconds(Int64(min(left, 86_400) * 1000))
        send(ServerMessage.authenticated(until: principal.expiresAt))
        let asked = askedMeanwhile
        askedMeanwhile = []
        for topic in asked { subscribe(topic) }
    }

    // MARK: Subscriptions

    private func subscribe(_ text: String) {
        guard let name = TopicName(text) else {
            return send(ServerMessage.error("unknown-topic", "There is no such topic.", topic: topicForEcho(text)))
        }
        guard subscriptions.count + askedMeanwhile.count + pendingDashboards.count < hub.limits.subscriptions else {
            send(ServerMessage.error("too-many-subscriptions", "This socket has too many topics.", topic: text))
            return close(.tooMany)
        }
        switch name {
        case .event(let id): add(.event(id))
        case .me, .organizer:
            if isVerifying { return askedMeanwhile.append(text) }
            guard let principal else {
                if authenticationDeadline == nil { authenticationDeadline = .now() + hub.limits.authentication }
                return send(ServerMessage.error("not-authenticated", "Authenticate first.", topic: text))
            }
            if case .organizer(let id) = name { addDashboard(id, principal) } else { add(.person(principal.userID)) }
        }
    }

    /// Subscribes to a topic. A second subscription is answered like the first, with the current state.
    private func add(_ topic: Topic) {
        if let known = subscriptions[topic] {
            if known.listeners.isOpen { hub.welcome(known) }
            return
        }
        subscriptions[topic] = hub.subscribe(self, to: topic)
    }

    private func addDashboard(_ id: EventID, _ principal: Principal) {
        guard pendingDashboards.insert(id).inserted else { return }
        let permission = hub.eventLoop.makeFutureWithTask { [access = hub.access] in
            try await access.mayFollowDashboard(of: id, principal)
        }
        permission.assumeIsolated().whenComplete { result in
            self.pendingDashboards.remove(id)
            guard !self.isClosing, self.indexInHub != nil else { return }
            let topic = Topic.organizer(id)
            switch result {
            case .success(true): self.add(topic)
            case .success(false):
                self.send(ServerMessage.error("forbidden", "This topic is not yours.", topic: topic.description))
            case .failure:
                // The database wrapper has logged the reason.
                self.send(ServerMessage.error("unavailable", "Try again in a moment.", topic: topic.description))
            }
        }
    }

    private func unsubscribe(_ text: String) {
        let topic: Topic? =
            switch TopicName(text) {
            case .event(let id): .event(id)
            case .organizer(let id): .organizer(id)
            case .me: principal.map { .person($0.userID) }
            case nil: nil
            }
        guard let topic, let subscription = subscriptions.removeValue(forKey: topic) else { return }
        hub.unsubscribe(subscription)
    }

    /// Called if a topic does not exist, or is not public.
    func refused(_ subscription: TopicSubscription) {
        let topic = subscription.listeners.topic
        subscriptions[topic] = nil
        send(ServerMessage.error("not-found", "There is no such event.", topic: topic.description))
    }

    /// Client-supplied text is echoed truncated.
    private func topicForEcho(_ text: String) -> String { String(text.prefix(64)) }
}
