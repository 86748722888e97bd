"""What agents of machines call: to register, and to learn what they are to scrape. Our own API, of one path."""
