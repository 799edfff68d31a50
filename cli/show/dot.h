/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Quoted strings of the DOT language, as graphviz.org/doc/info/lang.html has them. */
#ifndef DOT_H
#define DOT_H

/* `"text"`: for names, where nothing but the quote has a meaning. */
void dot_name(const char *text);

/*
 * The text of a label without its quotes: "\" begins escapes in it, and "&" entities
 * (graphviz.org/docs/attr-types/escString). A newline ends a line.
 */
void dot_label(const char *text);

#endif
