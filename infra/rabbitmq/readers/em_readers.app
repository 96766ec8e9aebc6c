{application, em_readers, [
    {description, "Bounds of the readers of subscriptions' queues"},
    {vsn, "1.0.0"},
    {modules, [em_readers]},
    {registered, []},
    {applications, [kernel, stdlib, rabbit_common, rabbit, rabbitmq_auth_backend_http]},
    {env, []}
]}.
