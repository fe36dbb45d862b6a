/* From 0.1.0 to 0.2.0: CONTRIBUTING.md, "Changing SQL objects", has the rules. */

-- new parts

-- new objects of old parts

-- changed objects
