//! HTML to text: hidden nodes, table cells, links with text and target.
