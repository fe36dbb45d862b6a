// Reads views through JDBC and prints what arrives, for drivers.pl to compare:
//
//     java -cp postgresql.jar DriverTest.java URL VIEW...
//
// Lines of fields between tabs: "view NAME REMARKS", "column VIEW NAME TYPE
// REMARKS", "row VIEW VALUES".  Text is in hexadecimal digits of its UTF-8.
import java.nio.charset.StandardCharsets;
import java.sql.*;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

class DriverTest {
    static final OffsetDateTime EPOCH = OffsetDateTime.parse("1970-01-01T00:00:00Z");

    static String hex(String text) {
        return text == null ? "-" : "t" + HexFormat.of().formatHex(text.getBytes(StandardCharsets.UTF_8));
    }

    // a value as the class that a tool would ask for
    static String value(ResultSet rows, int column, int type) throws SQLException {
        if (rows.getObject(column) == null)
            return "-";
        switch (type) {
            case Types.VARCHAR:
                return hex(rows.getString(column));
            case Types.INTEGER:
            case Types.BIGINT:
                return Long.toString(rows.getLong(column));
            case Types.DOUBLE:
                return String.format("f%016x", Double.doubleToLongBits(rows.getDouble(column)));
            case Types.BIT:
                return Boolean.toString(rows.getBoolean(column));
            case Types.TIMESTAMP:
                return "m" + ChronoUnit.MICROS.between(EPOCH, rows.getObject(column, OffsetDateTime.class));
            default:
                throw new SQLException("column " + column + " has the type " + type);
        }
    }

    static void describe(DatabaseMetaData meta, String view) throws SQLException {
        try (ResultSet tables = meta.getTables(null, "public", view, new String[] {"VIEW"})) {
            while (tables.next())
                System.out.println(String.join("\t", "view", view, hex(tables.getString("REMARKS"))));
        }
        try (ResultSet columns = meta.getColumns(null, "public", view, null)) {
            while (columns.next())
                System.out.println(String.join("\t", "column", view, columns.getString("COLUMN_NAME"),
                        JDBCType.valueOf(columns.getInt("DATA_TYPE")).getName(), hex(columns.getString("REMARKS"))));
        }
    }

    static void read(Connection connection, String view) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SELECT * FROM " + view)) {
            ResultSetMetaData meta = rows.getMetaData();
            while (rows.next()) {
                List<String> values = new ArrayList<>();
                for (int i = 1; i <= meta.getColumnCount(); i++)
                    values.add(value(rows, i, meta.getColumnType(i)));
                System.out.println(String.join("\t", "row", view, String.join(",", values)));
            }
        }
    }

    public static void main(String[] args) throws SQLException {
        try (Connection connection = DriverManager.getConnection(args[0], System.getenv("PGUSER"), System.getenv("PGPASSWORD"))) {
            for (int i = 1; i < args.length; i++) {
                // patterns, in which _ would be any letter
                describe(connection.getMetaData(), args[i].replace("_", "\\_"));
                read(connection, args[i]);
            }
        }
    }
}
