"""British English."""

DATE_FORMAT = "j F Y"
DATETIME_FORMAT = "j M Y, H:i"
DAY_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
YEAR_MONTH_FORMAT = "F Y"
MONTH_DAY_FORMAT = "j F"
# In lists of the administration.
SHORT_DATE_FORMAT = "Y-m-d"
SHORT_DATETIME_FORMAT = "Y-m-d H:i"
# Without the year, for what is recent.
RECENT_FORMAT = "j M, H:i"
# A row of a month's table.
WEEKDAY_FORMAT = "D j F"
THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
