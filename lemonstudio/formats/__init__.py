"""How each language writes dates and numbers, where Django's own way is not the studio's.

Templates and Python name a format (`{{ day|date:"DATE_FORMAT" }}`, `date_format(day, "MONTH_FORMAT")`). The names that
Django does not know are the same in each of the modules here.
"""
