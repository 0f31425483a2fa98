"""What customers are told: public incidents, the state of each service, maintenance, subscribers."""
