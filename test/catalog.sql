/*
 * What the extension distributed_trace has in this database, as text, one line
 * a property: equal for two installations that nobody can tell apart.  Numbers
 * of objects are left out, and columns are counted without dropped ones.
 */
\pset pager off
SET search_path = pg_catalog;

WITH extension AS (
	SELECT * FROM pg_extension WHERE extname = 'distributed_trace'),
member AS (
	SELECT d.classid, d.objid FROM pg_depend d JOIN extension e ON d.refobjid = e.oid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'),
relation AS (
	SELECT c.* FROM pg_class c JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
	UNION
	-- row types
	SELECT c.* FROM pg_class c JOIN pg_type t ON t.typrelid = c.oid
		JOIN member m ON m.classid = 'pg_type'::regclass AND m.objid = t.oid),
type AS (
	SELECT t.* FROM pg_type t JOIN member m ON m.classid = 'pg_type'::regclass AND m.objid = t.oid),
function AS (
	SELECT p.* FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid),
line AS (
	SELECT 'extension' AS what, extname || ' ' || extversion AS object,
		format('%s %s', extrelocatable, extnamespace::regnamespace) AS property FROM extension
	UNION ALL
	SELECT 'dumped', config::regclass::text, e.extcondition[i]
	FROM extension e, unnest(e.extconfig) WITH ORDINALITY c (config, i)
	UNION ALL
	SELECT 'member', pg_describe_object(classid, objid, 0), '' FROM member
	UNION ALL
	SELECT 'relation', oid::regclass::text, format('%s %s %s %s %s %s %s %s', relkind, relpersistence, reloptions,
		relrowsecurity, relforcerowsecurity, relreplident, relispartition, (SELECT amname FROM pg_am WHERE oid = relam))
	FROM relation
	UNION ALL
	SELECT 'column', r.oid::regclass::text, format('%s %s %s %s %s %s %s %s %s %s %s',
		row_number() OVER (PARTITION BY r.oid ORDER BY attnum), attname, format_type(atttypid, atttypmod),
		attcollation::regcollation, attnotnull, attidentity, attgenerated, attstorage, attcompression,
		pg_get_expr(adbin, adrelid), attstattarget)
	FROM relation r JOIN pg_attribute a ON attrelid = r.oid AND attnum > 0 AND NOT attisdropped
		LEFT JOIN pg_attrdef ON adrelid = r.oid AND adnum = attnum
	UNION ALL
	SELECT 'constraint', format('%s of %s', conname, coalesce(nullif(conrelid, 0)::regclass::text, contypid::regtype::text)),
		format('%s %s', pg_get_constraintdef(oid), convalidated)
	FROM pg_constraint WHERE conrelid IN (SELECT oid FROM relation) OR contypid IN (SELECT oid FROM type)
	UNION ALL
	SELECT 'index', indexrelid::regclass::text, format('%s %s %s', pg_get_indexdef(indexrelid), indisvalid, indisreplident)
	FROM pg_index WHERE indrelid IN (SELECT oid FROM relation)
	UNION ALL
	SELECT 'trigger', tgname, format('%s %s', pg_get_triggerdef(oid), tgenabled)
	FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM relation) AND NOT tgisinternal
	UNION ALL
	SELECT 'rule', format('%s of %s', rulename, ev_class::regclass), pg_get_ruledef(oid)
	FROM pg_rewrite WHERE ev_class IN (SELECT oid FROM relation)
	UNION ALL
	SELECT 'policy', format('%s of %s', polname, polrelid::regclass), format('%s %s %s %s',
		polcmd, polpermissive, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
	FROM pg_policy WHERE polrelid IN (SELECT oid FROM relation)
	UNION ALL
	SELECT 'sequence', seqrelid::regclass::text, format('%s %s %s %s %s %s %s', seqtypid::regtype, seqstart,
		seqincrement, seqmax, seqmin, seqcache, seqcycle)
	FROM pg_sequence JOIN pg_depend ON classid = 'pg_class'::regclass AND objid = seqrelid AND deptype IN ('a', 'i')
	WHERE refobjid IN (SELECT oid FROM relation)
	UNION ALL
	SELECT 'inherits', inhrelid::regclass::text, inhparent::regclass::text
	FROM pg_inherits WHERE inhrelid IN (SELECT oid FROM relation)
	UNION ALL
	SELECT 'server', f.ftrelid::regclass::text, format('%s %s', srvname, ftoptions)
	FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = ftserver WHERE ftrelid IN (SELECT oid FROM relation)
	UNION ALL
	SELECT 'wrapper', fdwname, format('%s %s %s', fdwhandler::regprocedure, fdwvalidator::regprocedure, fdwoptions)
	FROM pg_foreign_data_wrapper JOIN member ON classid = 'pg_foreign_data_wrapper'::regclass AND objid = oid
	UNION ALL
	SELECT 'server', srvname, format('%s %s', srvfdw, srvoptions) FROM (
		SELECT srvname, (SELECT fdwname FROM pg_foreign_data_wrapper WHERE oid = srvfdw) AS srvfdw, srvoptions
		FROM pg_foreign_server JOIN member ON classid = 'pg_foreign_server'::regclass AND objid = oid) s
	UNION ALL
	SELECT 'type', oid::regtype::text, format('%s %s %s %s %s %s %s %s %s %s %s %s', typtype, typcategory, typlen, typbyval, typalign,
		typstorage, typdelim, typinput, typoutput, typreceive, typsend, typbasetype::regtype)
	FROM type
	UNION ALL
	SELECT 'function', oid::regprocedure::text, CASE WHEN prokind <> 'a' THEN pg_get_functiondef(oid) ELSE
		format('%s -> %s %s %s', pg_get_function_arguments(oid), pg_get_function_result(oid), provolatile, proparallel) END
	FROM function
	UNION ALL
	SELECT 'properties', oid::regprocedure::text, format('%s %s %s %s', procost, prorows, prosupport, proretset)
	FROM function
	UNION ALL
	SELECT 'aggregate', aggfnoid::text, format('%s %s %s %s %s %s %s %s %s %s %s %s %s %s %s %s %s %s %s %s', aggkind, aggnumdirectargs,
		aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggmtransfn, aggminvtransfn, aggmfinalfn,
		aggfinalextra, aggmfinalextra, aggfinalmodify, aggmfinalmodify, aggsortop::regoperator, aggtranstype::regtype, aggtransspace,
		aggmtranstype::regtype, agginitval, aggminitval)
	FROM pg_aggregate WHERE aggfnoid IN (SELECT oid FROM function)
	UNION ALL
	SELECT 'operator', o.oid::regoperator::text, format('%s %s %s %s %s %s %s %s', oprresult::regtype, oprcode::regprocedure,
		oprcom::regoperator, oprnegate::regoperator, oprrest, oprjoin, oprcanmerge, oprcanhash)
	FROM pg_operator o JOIN member ON classid = 'pg_operator'::regclass AND objid = oid
	UNION ALL
	SELECT 'cast', format('%s as %s', castsource::regtype, casttarget::regtype), format('%s %s %s', castfunc::regprocedure, castcontext, castmethod)
	FROM pg_cast JOIN member ON classid = 'pg_cast'::regclass AND objid = oid
	UNION ALL
	SELECT 'event trigger', evtname, format('%s %s %s %s', evtevent, evtfoid::regprocedure, evtenabled, evttags)
	FROM pg_event_trigger JOIN member ON classid = 'pg_event_trigger'::regclass AND objid = oid
	UNION ALL
	SELECT 'comment', pg_describe_object(classoid, objoid, objsubid), description
	FROM pg_description
	WHERE (classoid, objoid) IN (SELECT classid, objid FROM member)
		OR classoid = 'pg_class'::regclass AND objoid IN (SELECT oid FROM relation UNION SELECT indexrelid FROM pg_index WHERE indrelid IN (SELECT oid FROM relation))
		OR classoid = 'pg_trigger'::regclass AND objoid IN (SELECT oid FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM relation))
	UNION ALL
	SELECT 'right', pg_describe_object(r.classid, r.objid, r.objsubid),
		format('%s %s %s', CASE a.grantee WHEN 0 THEN 'public' ELSE a.grantee::regrole::text END, a.privilege_type, a.is_grantable)
	FROM (
		SELECT 'pg_class'::regclass::oid, oid, 0, coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END, relowner))
		FROM relation
		UNION ALL
		SELECT 'pg_class'::regclass, attrelid, attnum, attacl FROM pg_attribute
		WHERE attrelid IN (SELECT oid FROM relation) AND attacl IS NOT NULL
		UNION ALL
		SELECT 'pg_proc'::regclass, oid, 0, coalesce(proacl, acldefault('f', proowner)) FROM function
		UNION ALL
		SELECT 'pg_type'::regclass, oid, 0, coalesce(typacl, acldefault('T', typowner)) FROM type
	) r (classid, objid, objsubid, acl), aclexplode(r.acl) a
	UNION ALL
	SELECT 'right at first', pg_describe_object(i.classoid, i.objoid, i.objsubid),
		format('%s %s %s', CASE a.grantee WHEN 0 THEN 'public' ELSE a.grantee::regrole::text END, a.privilege_type, a.is_grantable)
	FROM pg_init_privs i, aclexplode(i.initprivs) a
	WHERE (i.classoid, i.objoid) IN (SELECT classid, objid FROM member)
)
SELECT what, object, property FROM line ORDER BY what COLLATE "C", object COLLATE "C", property COLLATE "C";
