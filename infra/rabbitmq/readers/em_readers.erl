%% What bounds the readers of subscriptions' queues at RabbitMQ, beyond what it has settings for:
%%
%%   - Nobody learns of a queue or an exchange that they have no right on. RabbitMQ before 4.2.6 answers a passive declare to
%%     everybody: whether there is such a queue, and how many messages wait in it. Here it needs one of the three rights
%%     (configure, write, read), as in RabbitMQ from 4.3.1 on, and is refused alike whether there is one or not.
%%   - A reader has at most 8 connections to a node. RabbitMQ's own limits are for users that it knows itself.
%%   - api-service answers the broker alone: each question carries the secret that stands in the file EM_BROKER_SECRET_FILE.
%%
%% A plugin: an auth backend that asks rabbit_auth_backend_http and counts, and an interceptor of channels' methods.
%% Records are tuples here, so that it compiles without RabbitMQ's headers and runs with 3.10 to 4.x.
-module(em_readers).
-behaviour(rabbit_channel_interceptor). % looked for by rabbit_registry

-export([user_login_authentication/2, user_login_authorization/2, check_vhost_access/3, check_resource_access/4,
         check_topic_access/4, state_can_expire/0, expiry_timestamp/1]).
-export([description/0, init/1, applies_to/0, intercept/3]).
-export([boot/0]).

-rabbit_boot_step({?MODULE, [
    {description, "bounds of the readers of subscriptions' queues"},
    {mfa, {?MODULE, boot, []}},
    {cleanup, {rabbit_registry, unregister, [channel_interceptor, <<"em_readers">>]}},
    {requires, rabbit_registry},
    {enables, recovery}]}).

-define(MAXIMUM_CONNECTIONS, 8).

boot() ->
    {ok, Secret} = file:read_file(os:getenv("EM_BROKER_SECRET_FILE", "")), % without it no reader would ever come in
    Query = "?secret=" ++ string:trim(binary_to_list(Secret)),
    lists:foreach(fun(Question) ->
        {ok, Path} = application:get_env(rabbitmq_auth_backend_http, Question),
        application:set_env(rabbitmq_auth_backend_http, Question, hd(string:split(Path, "?")) ++ Query)
    end, [user_path, vhost_path, resource_path, topic_path]),
    rabbit_registry:register(channel_interceptor, <<"em_readers">>, ?MODULE).

description() -> [{name, <<"em_readers">>}, {description, <<"Bounds of the readers of subscriptions' queues">>}].

%% The auth backend (rabbit_authn_backend, rabbit_authz_backend)

user_login_authentication(Username, Properties) ->
    rabbit_auth_backend_http:user_login_authentication(Username, Properties).

user_login_authorization(Username, Properties) ->
    rabbit_auth_backend_http:user_login_authorization(Username, Properties).

%% Asked by the process of the connection, when it opens. Of those that come at the same time more than needed may be
%% refused, never too few.
check_vhost_access(User, VHost, Context) ->
    Group = {?MODULE, element(2, User)},
    lists:member(self(), pg_local:get_members(Group)) orelse pg_local:join(Group, self()),
    pg_local:sync(),
    case length(pg_local:get_members(Group)) =< ?MAXIMUM_CONNECTIONS of
        true -> rabbit_auth_backend_http:check_vhost_access(User, VHost, Context);
        false -> pg_local:leave(Group, self()), false
    end.

check_resource_access(User, Resource, Permission, Context) ->
    rabbit_auth_backend_http:check_resource_access(User, Resource, Permission, Context).

check_topic_access(User, Resource, Permission, Context) ->
    rabbit_auth_backend_http:check_topic_access(User, Resource, Permission, Context).

state_can_expire() -> false. % 3.x

expiry_timestamp(_User) -> never. % 4.x

%% The interceptor (rabbit_channel_interceptor)

init(Channel) -> {rabbit_channel:get_user(Channel), rabbit_channel:get_vhost(Channel)}.

applies_to() -> ['queue.declare', 'exchange.declare'].

intercept(Method, Content, State) ->
    case passive(Method) of
        {Kind, Name} -> looked_at(rabbit_misc:r(element(2, State), Kind, Name), Method, Content, element(1, State));
        none -> {Method, Content}
    end.

%% {'queue.declare', Ticket, Queue, Passive, …}, {'exchange.declare', Ticket, Exchange, Type, Passive, …}
passive(Method) when element(1, Method) =:= 'queue.declare', element(4, Method) -> {queue, element(3, Method)};
passive(Method) when element(1, Method) =:= 'exchange.declare', element(5, Method) -> {exchange, element(3, Method)};
passive(_) -> none.

looked_at(Resource, Method, Content, User) ->
    case lists:any(fun(Right) -> has(User, Resource, Right) end, [read, configure, write]) of
        true -> {Method, Content};
        false -> {amqp_error, access_refused,
                  lists:flatten(io_lib:format("access to ~s refused", [rabbit_misc:rs(Resource)])), element(1, Method)}
    end.

has(User, Resource, Right) ->
    try rabbit_access_control:check_resource_access(User, Resource, Right, #{}) of
        ok -> true
    catch
        exit:Error when element(1, Error) =:= amqp_error -> false
    end.
