"""Reads views through a driver and prints what arrives, as DriverTest.java does:

    drivers.py odbc|sqlalchemy HOST PORT DATABASE VIEW...
"""
import datetime
import os
import struct
import sys

EPOCH = datetime.datetime(1970, 1, 1)


def value(v):
    if v is None:
        return "-"
    if isinstance(v, str):
        return "t" + v.encode().hex()
    if isinstance(v, bool):
        return str(v).lower()
    if isinstance(v, int):
        return str(v)
    if isinstance(v, float):
        return "f" + struct.pack(">d", v).hex()
    if isinstance(v, datetime.datetime):
        if v.tzinfo:
            v = v.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        return f"m{(v - EPOCH) // datetime.timedelta(microseconds=1)}"
    raise TypeError(f"{type(v)} is no type that a view may have")


def show(*fields):
    print(*fields, sep="\t")


def read_odbc(host, port, database, views):
    import pyodbc

    # the driver's defaults make booleans and text something else
    connection = pyodbc.connect(
        f"Driver={{PostgreSQL Unicode}};Server={host};Port={port};Database={database};"
        f"Uid={os.environ['PGUSER']};Pwd={os.environ['PGPASSWORD']};BoolsAsChar=0;TextAsLongVarchar=1")
    cursor = connection.cursor()
    for view in views:
        for table in cursor.tables(table=view.replace("_", "\\_"), tableType="VIEW").fetchall():
            show("view", table.table_name, "-")
        for column in cursor.columns(table=view.replace("_", "\\_")).fetchall():
            show("column", view, column.column_name, column.type_name, "-")
        for row in cursor.execute(f"SELECT * FROM {view}").fetchall():
            show("row", view, ",".join(map(value, row)))


def read_sqlalchemy(host, port, database, views):
    import sqlalchemy

    engine = sqlalchemy.create_engine(sqlalchemy.engine.URL.create(
        "postgresql+psycopg2", os.environ["PGUSER"], os.environ["PGPASSWORD"], host, int(port), database))
    inspector = sqlalchemy.inspect(engine)
    known = inspector.get_view_names()
    with engine.connect() as connection:
        for view in views:
            if view in known:
                show("view", view, value(inspector.get_table_comment(view)["text"]))
            for column in inspector.get_columns(view):
                name = type(column["type"]).__name__
                if getattr(column["type"], "timezone", False):
                    name += " WITH TIME ZONE"
                show("column", view, column["name"], name, value(column["comment"]))
            for row in connection.execute(sqlalchemy.text(f"SELECT * FROM {view}")):
                show("row", view, ",".join(map(value, row)))


{"odbc": read_odbc, "sqlalchemy": read_sqlalchemy}[sys.argv[1]](*sys.argv[2:5], sys.argv[5:])
