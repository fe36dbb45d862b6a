/* The people behind the requests. */

CREATE FUNCTION trace_attach_users(user_table regclass, id_column name) RETURNS regclass
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'dt_trace_attach_users';
COMMENT ON FUNCTION trace_attach_users(regclass, name)
    IS 'Creates, or replaces, the view trace_user_activity: the spans that name a user, joined to your own table of users, its columns as user_*.';
