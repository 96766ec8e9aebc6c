import Access

extension APIRoutes {
    /// API keys, subscriptions and the event log.
    var integrationRoutes: [Route] {
        let apiKeys = APIKeyRoutes(
            stores: stores, manageAPIKeys: ManageAPIKeys(stores: stores, clock: clock), recentSignIn: recentSignIn,
            clock: clock)
        let subscriptions = SubscriptionRoutes(
            stores: stores,
            manageSubscriptions: ManageSubscriptions(
                stores: stores, queues: machinery?.subscriptionQueues, webhookKey: settings.webhookKey, clock: clock),
            replayMessages: ReplayMessages(stores: stores, queues: machinery?.subscriptionQueues, clock: clock),
            publicBroker: settings.publicBroker, webhookAddresses: settings.webhookAddresses, clock: clock)
        let messages = MessageRoutes(log: stores.eventLog, authorization: authorization)
        let webhooks = WebhookRoutes(
            stores: stores, retryDelivery: RetryDelivery(stores: stores, clock: clock),
            testWebhook: TestWebhook(stores: stores, clock: clock))
        return [
            .get("/api/v1/api-keys", .required, apiKeys.list),
            .post("/api/v1/api-keys", .required, apiKeys.create),
            .delete("/api/v1/api-keys/{id}", .required, apiKeys.revoke),
            .get("/api/v1/subscriptions", .required, subscriptions.list, .manageSubscription),
            .post("/api/v1/subscriptions", .required, subscriptions.create, .createSubscription),
            .get("/api/v1/subscriptions/{id}", .required, subscriptions.show, .manageSubscription),
            .patch("/api/v1/subscriptions/{id}", .required, subscriptions.edit, .manageSubscription),
            .delete("/api/v1/subscriptions/{id}", .required, subscriptions.remove, .manageSubscription),
            .post("/api/v1/subscriptions/{id}/credentials", .required, subscriptions.renew, .manageSubscription),
            .post("/api/v1/subscriptions/{id}/replay", .required, subscriptions.replay, .manageSubscription),
            .get("/api/v1/messages", .required, messages.list, .readMessages),
            .get("/api/v1/subscriptions/{id}/deliveries", .required, webhooks.list, .manageSubscription),
            .post(
                "/api/v1/subscriptions/{id}/deliveries/{deliveryId}/retry", .required, webhooks.retry,
                .manageSubscription),
            .post("/api/v1/subscriptions/{id}/test", .required, webhooks.test, .manageSubscription),
        ]
    }

    /// Administration.
    var operationRoutes: [Route] {
        let admin = AdminRoutes(
            stores: stores, grantRole: GrantRole(stores: stores),
            lockAccount: LockAccount(stores: stores, clock: clock),
            handOverEvent: HandOverEvent(stores: stores), recentSignIn: recentSignIn, clock: clock)
        let audit = AuditRoutes(entries: stores.auditSeals)
        let verification = VerifyRoutes(watch: invariants)
        let sending = SendingRoutes(stores: stores, pauseSending: PauseSending(stores: stores, clock: clock))
        let operations = OperationsRoutes(
            inspection: SystemInspection(stores: stores, machinery: machinery, invariants: invariants, clock: clock),
            deadLetters: machinery?.deadLetters)
        return [
            .get("/api/v1/admin/users", .required, admin.users),
            .patch("/api/v1/admin/users/{id}", .required, admin.grantRole),
            .post("/api/v1/admin/users/{id}/lock", .required, admin.lock),
            .post("/api/v1/admin/users/{id}/unlock", .required, admin.unlock),
            .delete("/api/v1/admin/users/{id}/sessions", .required, admin.endSessions),
            .get("/api/v1/admin/users/{id}/events", .required, admin.events),
            .put("/api/v1/events/{id}/owner", .required, admin.handOver),
            .get("/api/v1/admin/audit", .required, audit.list),
            .get("/api/v1/admin/audit.csv", .required, audit.table),
            .get("/api/v1/admin/verify", .required, verification.verify),
            .get("/api/v1/admin/system", .requiredAtAllTimes, operations.system),
            .get("/api/v1/admin/sending", .required, sending.show),
            .post("/api/v1/admin/sending/pause", .required, sending.pause),
            .post("/api/v1/admin/sending/resume", .required, sending.resume),
            .get("/api/v1/admin/dead-letters", .required, operations.list),
            .post("/api/v1/admin/dead-letters/{id}/replay", .required, operations.replay),
            .delete("/api/v1/admin/dead-letters/{id}", .required, operations.discard),
        ]
    }

    /// Public documents about this API.
    var documentRoutes: [Route] {
        let documents = DocumentRoutes(keys: issuer.keys, keyring: keyring)
        return [
            .get("/.well-known/jwks.json", .ignored, documents.accessKeys),
            .get("/.well-known/ticket-keys.json", .ignored, documents.ticketKeys),
            .get("/openapi.yaml", .ignored, documents.openAPI),
            .get("/asyncapi.yaml", .ignored, documents.asyncAPI),
        ]
    }
}
